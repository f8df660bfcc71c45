package cli_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	patgatetoken "patgate/token"
)

// TestSecretsAreNowhere uses tokens rightly and wrongly, has every command print what it can, makes a backup, and then
// looks for every secret in all answers, outputs, metrics, logs and files: the database and its write-ahead log while
// the server runs, and the backup.
func TestSecretsAreNowhere(t *testing.T) {
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_LOG_LEVEL=debug", "PATGATE_LIMITS_FAILED_CREDENTIALS=1000", "PATGATE_ANONYMOUS=allow"}
	})
	good := r.mint(t, "--name", "good", "--project", "shop/backend/api", "--allow", "read_work_item,create_work_item")
	dead := r.mint(t, "--name", "dead", "--project", "shop/backend/api", "--allow", "read_work_item")
	key, err := os.ReadFile(filepath.Join(r.dir, "data", "keys", "patgate.key"))
	if err != nil {
		t.Fatal(err)
	}
	r.secret("bob's forge token", r.world.bobPAT)

	var said []string
	run := func(name string, args ...string) string {
		cmd := exec.Command("patgate", args...)
		cmd.Env, cmd.Dir = r.env, r.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		said = append(said, name+": "+string(out))
		return string(out)
	}
	hello := func(name, method, target string, body string, headers ...string) {
		h := http.Header{}
		for i := 0; i < len(headers); i += 2 {
			h.Add(headers[i], headers[i+1])
		}
		a := send(method, r.gate+target, h, []byte(body))
		var head strings.Builder
		_ = a.header.Write(&head)
		said = append(said, name+": "+head.String()+a.body)
	}
	fails := func(name string, args ...string) {
		cmd := exec.Command("patgate", args...)
		cmd.Env, cmd.Dir = r.env, r.dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		said = append(said, name+": "+string(out))
	}
	id := regexp.MustCompile(`(?s)"id": ?(\d{13,}).*"id": ?(\d{13,})`).FindStringSubmatch(run("tokens", "token", "list", "--json"))
	if id == nil {
		t.Fatalf("no token is listed: %s", said)
	}
	run("revoke", "token", "revoke", id[2])
	fails("a secret in the place of an id", "token", "revoke", dead)
	project := "/api/v4/projects/shop%2Fbackend%2Fapi"
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for _, token := range []string{good, dead, madeUp(), good[:len(good)-4] + "0000", r.world.alicePAT, r.world.bobPAT} {
		ours := strings.HasPrefix(token, patgatetoken.Prefix)
		r.secret("a token that was sent", token)
		hello("header", "GET", project+"/issues", "", "Private-Token", token)
		hello("bearer", "GET", project+"/issues", "", "Authorization", "Bearer "+token)
		hello("password", "GET", project+"/issues", "", "Authorization", basic("x", token))
		hello("user", "GET", project+"/issues", "", "Authorization", basic(token, "x"))
		hello("twice", "GET", project+"/issues", "", "Authorization", "Bearer "+token, "Private-Token", token)
		if ours { // in a forge's own token's case, the forge repeats it in its Link header
			hello("query", "GET", project+"/issues?private_token="+token, "", "X", "y")
			hello("name", "POST", project+"/issues", `{"`+token+`":1}`, "Private-Token", good, "Content-Type", "application/json")
		}
		hello("path", "GET", "/api/v4/projects/"+token+"/issues", "", "Private-Token", good)
		hello("other header", "GET", project+"/issues", "", "X-Other", token)
		hello("cookie", "GET", project+"/issues", "", "Cookie", "_gitlab_session="+token)
		hello("JSON", "POST", project+"/issues", `{"title":"`+token[:4]+`","private_token":"`+token+`"}`, "Private-Token", good, "Content-Type", "application/json")
		hello("media type", "POST", project+"/issues", `{}`, "Private-Token", good, "Content-Type", token)
		hello("method", token[:8], project+"/issues", "", "Private-Token", good)
		hello("range", "GET", project+"/issues", "", "Private-Token", good, "Range", token)
	}
	_ = r.world.server.Close() // what is said of a forge that is away
	hello("no forge", "GET", project+"/issues?page=2", "", "Private-Token", good)
	hello("no forge, legacy", "GET", project, "", "Private-Token", r.world.alicePAT)

	run("config", "config", "show")
	if info, err := os.Stat(filepath.Join(r.dir, "data", "db", "patgate.db-wal")); err != nil || info.Size() == 0 {
		t.Errorf("there is no write-ahead log to look at: %v", err)
	}
	written := func() []string {
		return leaks(r.dir, spellings(append(r.secrets, secret{"the sealing key", strings.TrimSpace(string(key))})))
	}
	found := written()
	run("list", "token", "list")
	run("show", "token", "show", id[1])
	run("owners", "owner", "list")
	run("rotate", "key", "rotate")
	run("backup", "store", "backup", filepath.Join(r.dir, "backup.db"))
	run("check", "store", "check")
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		a := send("GET", r.operators+path, nil, nil)
		said = append(said, path+": "+a.body)
	}
	for _, wanted := range []string{"token_unknown", "token_revoked", "token_malformed", "token_in_target", "several_credentials", "misplaced_token", "upstream_unavailable"} {
		if !strings.Contains(strings.Join(said, "\n"), wanted) {
			r.logs(t, wanted) // or the test would prove less than it should
		}
	}

	secrets := spellings(append(r.secrets, secret{"the sealing key", strings.TrimSpace(string(key))}))
	for _, s := range secrets {
		for _, text := range said {
			if strings.Contains(text, s.text) {
				name, _, _ := strings.Cut(text, ":")
				t.Errorf("%s is told by %q", s.name, name)
			}
		}
	}
	for _, place := range append(found, written()...) {
		if !strings.HasPrefix(place, "the sealing key") || !strings.HasSuffix(place, "patgate.key") {
			t.Error(place)
		}
	}
}

// spellings adds to every secret the forms in which it may hide.
func spellings(secrets []secret) (all []secret) {
	for _, s := range secrets {
		b := []byte(s.text)
		all = append(all, s, secret{s.name + " in hexadecimal", hex.EncodeToString(b)})
		for skip := range 3 { // the alignments that base64 has
			if text := base64.RawStdEncoding.EncodeToString(b[skip : len(b)-(len(b)-skip)%3]); len(text) > 16 {
				all = append(all, secret{s.name + " in base64", text})
			}
		}
	}
	return all
}

// madeUp gives a token in the right form that nobody was given.
func madeUp() string {
	secret, err := patgatetoken.Mint(rand.Reader)
	if err != nil {
		panic(err)
	}
	return secret.Reveal()
}
