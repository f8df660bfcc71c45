package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// parse reads a file called patgate.yaml with nothing else.
func parse(text string) (Config, []Problem) {
	return Parse(Input{File: "patgate.yaml", Data: []byte(text)})
}

const minimal = "upstream: {url: https://gitlab.example.com}\n"

func TestAValueIsReadOrRefusedWithItsFix(t *testing.T) {
	for _, c := range []struct {
		name, file, want string // want: the problem; empty: it is taken
	}{
		{"only the upstream", minimal, ""},
		{"nothing at all", "", "patgate.yaml: is empty (fix: write `upstream: {url: https://gitlab.example.com}`)"},
		{"no upstream", "listen: ':80'\n",
			"default: upstream.url: is missing (fix: give the forge's address by --upstream https://gitlab.example.com, PATGATE_UPSTREAM_URL or upstream.url)"},
		{"a misspelt key", minimal + "lisen: ':80'\n", "patgate.yaml:2: lisen: is not a setting of patgate (fix: did you mean listen?)"},
		{"a misspelt key below another", "upstream:\n  url: https://a.example\n  cafile: x\n",
			"patgate.yaml:3: upstream.cafile: is not a setting of patgate (fix: did you mean upstream.ca_file?)"},
		{"a key from nowhere", minimal + "zzzzzzzzzzzz: 1\n",
			"patgate.yaml:2: zzzzzzzzzzzz: is not a setting of patgate (fix: remove the line)"},
		{"a key twice", minimal + "web: pass\nweb: refuse\n", "patgate.yaml:3: web: appears twice, first on line 2 (fix: remove one)"},
		{"an empty value", minimal + "listen:\n",
			"patgate.yaml:2: listen: is empty (fix: leave it out for the default, or give it a value)"},
		{"an empty text", minimal + "listen: ''\n",
			"patgate.yaml:2: listen: is empty (fix: leave it out for the default, or give it a value)"},
		{"an empty list", minimal + "administrators: []\n",
			"patgate.yaml:2: administrators: is empty (fix: leave it out for the default, or give it a value)"},
		{"an empty section", minimal + "tls:\n",
			"patgate.yaml:2: tls: is empty (fix: leave it out for the defaults, or write keys below it)"},
		{"a word of a closed set", minimal + "legacy: read_only\n", ""},
		{"a dated word", minimal + "legacy: deny after 2026-12-31\n", ""},
		{"a dated word without a date", minimal + "legacy: deny after christmas\n",
			`patgate.yaml:2: legacy: "deny after christmas": not a date (fix: write deny after 2026-12-31)`},
		{"a secret that is too short", minimal + "leak_reports: {gitlab_token: short}\n",
			`patgate.yaml:2: leak_reports.gitlab_token: "[masked]": is too short to be kept from guessing (fix: give at least 16 random characters)`},
		{"a word outside it", minimal + "legacy: sometimes\n",
			`patgate.yaml:2: legacy: "sometimes": unknown value (fix: write deny, read_only, allow, or deny after 2026-12-31)`},
		{"quick actions that pass", minimal + "limits: {quick_actions: allow}\n", ""},
		{"quick actions that are neither", minimal + "limits: {quick_actions: 'off'}\n",
			`patgate.yaml:2: limits.quick_actions: "off": unknown value (fix: write check, allow)`},
		{"a duration", minimal + "timeouts: {idle: 90s}\n", ""},
		{"a duration in days", minimal + "tokens: {max_lifetime: 90d}\n", ""},
		{"a duration without a unit", minimal + "timeouts: {idle: 90}\n",
			`patgate.yaml:2: timeouts.idle: "90": not a duration (fix: write a number with a unit, such as 500ms, 30s, 5m, 2h or 90d)`},
		{"a negative duration", minimal + "timeouts: {idle: -1s}\n",
			`patgate.yaml:2: timeouts.idle: "-1s": negative (fix: write 0s or more)`},
		{"a size", minimal + "limits: {body_bytes: 2MiB}\n", ""},
		{"a size in a unit that is not known", minimal + "limits: {body_bytes: 2MB}\n",
			`patgate.yaml:2: limits.body_bytes: "2MB": not a size (fix: write a number of bytes, or one with KiB, MiB or GiB)`},
		{"a limit under which nothing works", minimal + "limits: {header_bytes: 1KiB}\n",
			`patgate.yaml:2: limits.header_bytes: "1KiB": is too small (fix: write 4KiB or more)`},
		{"an address range", minimal + "trusted_proxies: [10.0.0.0/8, '::1']\n", ""},
		{"an address range with bits behind its length", minimal + "trusted_proxies: [10.0.0.1/8]\n",
			`patgate.yaml:2: trusted_proxies: "10.0.0.1/8": has bits set beyond its prefix length (fix: write 10.0.0.0/8)`},
		{"the same thing twice in a list", minimal + "administrators: [1, 1]\n",
			`patgate.yaml:2: administrators: "1": is in the list twice (fix: remove one)`},
		{"one value for a list", minimal + "administrators: 7\n", `patgate.yaml:2: administrators: "7": is not a list (fix: write ` +
			"`- 7` on a line of its own below the key)"},
		{"a list for one value", minimal + "listen: [':80']\n",
			"patgate.yaml:2: listen: is not a plain value (fix: write `listen: value`)"},
		{"a word where a number stands", minimal + "administrators: [root]\n",
			`patgate.yaml:2: administrators: "root": not a whole number (fix: write 0 or more)`},
		{"yes for true", "upstream: {url: https://a.example, allow_plain_http: yes}\n",
			`patgate.yaml:1: upstream.allow_plain_http: "yes": not a boolean (fix: write true or false)`},
		{"plain http to this machine", "upstream: {url: 'http://127.0.0.1:3000'}\n", ""},
		{"plain http to another machine", "upstream: {url: http://gitlab.internal}\n",
			`patgate.yaml:1: upstream.url: "http://gitlab.internal": is plain http to another machine, which would carry credentials unencrypted (fix: write https://gitlab.internal, or set upstream.allow_plain_http: true)`},
		{"plain http to another machine when told", "upstream: {url: http://gitlab.internal, allow_plain_http: true}\n", ""},
		{"a forge under a path", "upstream: {url: https://example.com/gitlab/}\n", ""},
		{"a path that is read in two ways", "upstream: {url: https://example.com/a/../b}\n",
			`patgate.yaml:1: upstream.url: "https://example.com/a/../b": has a path that servers may read in different ways (fix: write names of letters, digits, '-', '_' and '.', such as https://git.example.com/gitlab)`},
		{"an encoded path", "upstream: {url: https://example.com/git%2flab}\n",
			`patgate.yaml:1: upstream.url: "https://example.com/git%2flab": has a path that servers may read in different ways (fix: write names of letters, digits, '-', '_' and '.', such as https://git.example.com/gitlab)`},
		{"a forge with a query", "upstream: {url: 'https://example.com/?x=1'}\n",
			`patgate.yaml:1: upstream.url: "https://example.com/?x=1": has a query (fix: write https://example.com)`},
		{"a registry with a path", minimal + "registry: {url: https://r.example/x}\n",
			`patgate.yaml:2: registry.url: "https://r.example/x": has a path (fix: write https://r.example)`},
		{"an upstream with a password", "upstream: {url: https://me:pw@example.com}\n",
			`patgate.yaml:1: upstream.url: "[masked]": has a user name or password in it (fix: leave them out)`},
		{"a port without a colon", minimal + "listen: 8080\n",
			`patgate.yaml:2: listen: "8080": is not an address to listen on (fix: write :8080)`},
		{"one half of TLS", minimal + "tls: {cert_file: a.pem}\n",
			"patgate.yaml:2: tls.cert_file: is given without tls.key_file (fix: give both, or none for plain http)"},
		{"the key beside the database", minimal + "store: {database: d/x.db, key_file: d/key}\n",
			"patgate.yaml:2: store.key_file: puts the sealing key into the database's directory (d) (fix: put it elsewhere: a copy of that directory must not hold both)"},
		{"no key file and no key", minimal + "store: {key_file: none}\n",
			`patgate.yaml:2: store.key_file: "none": leaves no sealing key (fix: give store.key, or name a file)`},
		{"no key file and a key", minimal + "store: {key_file: none, key: " + strings.Repeat("0", 64) + "}\n", ""},
		{"a default lifetime above the maximum", minimal + "tokens: {max_lifetime: 7d}\n",
			"patgate.yaml:2: tokens.max_lifetime: makes the default lifetime (30d) longer than the maximum (7d) (fix: lower tokens.default_lifetime or raise tokens.max_lifetime)"},
		{"writes on older facts than reads", minimal + "resolver: {fresh_for_writes: 1m}\n",
			"patgate.yaml:2: resolver.fresh_for_writes: lets writes use older facts than reads (fix: give resolver.fresh_for_writes at most resolver.fresh_for_reads)"},
		{"a broken file", "upstream: {url: [\n",
			"patgate.yaml:1: is not YAML: did not find expected node content (fix: check indentation, quotes and colons on this line and the one before)"},
		{"two documents", minimal + "---\nlisten: ':80'\n",
			"patgate.yaml:2: has more than one YAML document (fix: remove the `---` and what follows)"},
		{"an alias", "upstream: {url: &u https://a.example}\npublic_url: *u\n",
			"patgate.yaml:2: public_url: is a YAML alias (fix: write the value itself)"},
		{"a text for the whole file", "upstream\n", `patgate.yaml:1: "upstream": is not a mapping (fix: write ` + "`key: value` lines)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := parse(c.file)
			switch {
			case c.want == "" && len(problems) > 0:
				t.Fatalf("was refused: %v", problems)
			case c.want == "":
			case len(problems) != 1 || problems[0].Error() != c.want:
				t.Fatalf("got  %v\nwant %s", problems, c.want)
			}
		})
	}
}

func TestPatgatesOwnAddressIsNoForge(t *testing.T) {
	for _, c := range []struct {
		listen, upstream string
		refused          bool
	}{
		{"127.0.0.1:8080", "http://127.0.0.1:8080", true},
		{":8080", "http://127.0.0.1:8080", true},
		{":8080", "http://localhost:8080", true},
		{"0.0.0.0:8080", "https://localhost:8080", true},
		{"[::]:8080", "http://[::1]:8080", true},
		{"[::1]:8080", "http://[::1]:8080", true},
		{"localhost:8080", "http://127.0.0.1:8080", true},
		{"gitlab.example.com:443", "https://GitLab.example.com", true},
		{":80", "http://localhost", true},
		{"127.0.0.1:8080", "http://127.0.0.1:8081", false},
		{"127.0.0.1:8080", "http://127.0.0.2:8080", false},
		{":443", "https://gitlab.example.com", false},
		{"192.0.2.1:8080", "http://127.0.0.1:8080", false},
	} {
		t.Run(c.listen+" in front of "+c.upstream, func(t *testing.T) {
			for _, keys := range []string{"upstream: {url: %q}\n", "upstream: {url: https://a.example}\nregistry: {url: %q}\n"} {
				for _, own := range []string{"listen: %q\n", "listen: :9\nadmin: {listen: %q}\n",
					"listen: :9\nconsole: {listen: %q, public_url: https://tokens.example}\n"} {
					_, problems := parse(fmt.Sprintf(keys+own, c.upstream, c.listen))
					if refused := len(problems) == 1 && strings.Contains(problems[0].Message,
						"is patgate's own address"); refused != c.refused || !refused && len(problems) > 0 {
						t.Errorf("%s%s: %v", keys, own, problems)
					}
				}
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	_, problems := Parse(Input{
		File:  "patgate.yaml",
		Data:  []byte("upstream: {url: ftp://x}\nlegacy: maybe\nlimits: {body_bytes: big}\n"),
		Env:   map[string]string{"PATGATE_WEB": "yes", "PATGATE_LOGLEVEL": "info", "PATGATE_STORE_URL_FILE": "/x"},
		Flags: []Flag{{Name: "anonymous", Key: "anonymous", Value: "perhaps"}},
	})
	var places []string
	for _, p := range problems {
		places = append(places, p.Source.String())
	}
	want := "patgate.yaml:1, patgate.yaml:2, patgate.yaml:3, environment variable PATGATE_LOGLEVEL, " +
		"environment variable PATGATE_STORE_URL_FILE, environment variable PATGATE_WEB, flag --anonymous"
	if got := strings.Join(places, ", "); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	if fix := problems[3].Fix; fix != "did you mean PATGATE_LOG_LEVEL?" {
		t.Errorf("the misspelt variable got the advice %q", fix)
	}
	if fix := problems[4].Fix; fix != "give what is in that file by PATGATE_STORE_URL" {
		t.Errorf("the variable for a file got the advice %q", fix)
	}
}

func TestFlagsBeatVariablesBeatTheFile(t *testing.T) {
	in := Input{File: "patgate.yaml", Data: []byte(minimal + "listen: ':1'\nlegacy: deny\nweb: pass\n")}
	in.Env = map[string]string{"PATGATE_LISTEN": ":2", "PATGATE_LEGACY": "read_only",
		"PATGATE_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1, ::ffff:10.2.0.1, ::ffff:10.3.0.0/112"}
	in.Flags = []Flag{{Name: "listen", Key: "listen", Value: ":3"}}
	c, problems := Parse(in)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := fmt.Sprint(c.Listen, " ", c.Legacy, c.Web, c.TrustedProxies); got != ":3 read_only pass [10.0.0.0/8 192.0.2.1/32 10.2.0.1/32 10.3.0.0/16]" {
		t.Fatalf("got %s", got)
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name, variable string
		taken          bool
	}{
		{"what Kubernetes sets for a service called patgate", "PATGATE_SERVICE_HOST", true},
		{"what Docker links set", "PATGATE_PORT_8080_TCP_ADDR", true},
		{"a variable that the caller knows", "PATGATE_CONFIG", true},
		{"one that nobody knows", "PATGATE_FOO", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := Parse(Input{Env: map[string]string{"PATGATE_UPSTREAM_URL": "https://a.example", c.variable: "x"},
				OtherEnv: []string{"PATGATE_CONFIG"}})
			if taken := len(problems) == 0; taken != c.taken {
				t.Fatalf("taken: %v, problems: %v", taken, problems)
			}
		})
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	const key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	c, problems := Parse(Input{Env: map[string]string{"PATGATE_UPSTREAM_URL": "https://a.example", "PATGATE_STORE_KEY": key}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if c.Store.Key.Reveal() != key {
		t.Fatal("the key was not read")
	}
	for _, shown := range []string{c.Show(), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c.Store.Key),
		fmt.Sprintf("%s %q %x", c.Store.Key, c.Store.Key, c.Store.Key)} {
		if strings.Contains(shown, key[:16]) {
			t.Errorf("shown in %s", shown)
		}
	}
	_, problems = Parse(Input{Env: map[string]string{"PATGATE_UPSTREAM_URL": "https://a.example", "PATGATE_STORE_KEY": key[1:],
		"PATGATE_STORE_KEY_FILE": "k"}})
	if len(problems) != 1 || strings.Contains(fmt.Sprint(problems), key[1:16]) {
		t.Errorf("problems: %v", problems)
	}
}

func TestWhatShowWritesReadsAsTheSame(t *testing.T) {
	c, problems := parse(minimal + "listen: '[::1]:80'\nadministrators: [3, 4]\nroutes: {overlays: ['a: b', '#c']}\nweb: pass\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	again, problems := parse(c.Show())
	if len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, c.Show())
	}
	again.sources, c.sources = nil, nil // the file that was written gives every key
	if fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", c) {
		t.Fatalf("got  %+v\nwant %+v", again, c)
	}
}

func TestTheExampleFileIsGood(t *testing.T) {
	c, problems := Load(Input{File: "example.yaml"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if c.Public() != "https://git.example.com" || c.Store.KeyFile != "/etc/patgate/keys/patgate.key" {
		t.Errorf("unexpected values: %s", c.Show())
	}
	// The lines that are commented out are good too.
	var lines []string
	for line := range strings.Lines(Example()) {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "# "); ok && strings.Contains(rest, ": /") || ok &&
			strings.HasSuffix(rest, ":\n") || ok && (strings.Contains(rest, "overlays:") || strings.Contains(rest, "issuers:") ||
			strings.Contains(rest, "trusts:")) {
			line = strings.Replace(line, "# ", "", 1)
		}
		lines = append(lines, line)
	}
	c, problems = parse(strings.Join(lines, ""))
	if len(problems) > 0 || c.TLS.CertFile == "" || len(c.Routes.Overlays) != 1 || len(c.OIDC.Issuers) != 1 || c.Upstream.CAFile == "" {
		t.Errorf("with the comments taken away: %v\n%s", problems, strings.Join(lines, ""))
	}
}

func TestAMissingFileSaysSo(t *testing.T) {
	_, problems := Load(Input{File: t.TempDir() + "/none.yaml"})
	if len(problems) != 1 || problems[0].Message != "does not exist" {
		t.Fatal(problems)
	}
	dir := t.TempDir()
	if _, problems = Load(Input{File: dir}); len(problems) != 1 || !strings.Contains(problems[0].Message, "cannot be read") {
		t.Fatal(problems)
	}
}

func TestPublicAddressFollowsFromTheListenAddress(t *testing.T) {
	for listen, want := range map[string]string{":80": "http://localhost:80", "0.0.0.0:81": "http://localhost:81",
		"[::]:82":     "http://localhost:82",
		"10.0.0.1:83": "http://10.0.0.1:83", "[::1]:84": "http://[::1]:84"} {
		c := Default()
		c.Listen = listen
		if got := c.Public(); got != want {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
	}
}

func TestDurationsAndSizesPrintAsTheyAreWritten(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, 90 * time.Second, time.Hour, 90 * time.Minute, 30 * day, 36 * time.Hour} {
		var back Duration
		if err := back.UnmarshalText([]byte(Duration(d).String())); err != nil || back.Std() != d {
			t.Errorf("%v: wrote %s, read %v, %v", d, Duration(d), back.Std(), err)
		}
	}
	for _, s := range []Size{0, 1, 1024, 1 << 20, 3 << 30, 1500} {
		var back Size
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%d: wrote %s, read %v, %v", s, s, back, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(Example()))
	f.Add([]byte("upstream: {url: [\n"))
	f.Add([]byte("a: &a {b: *a}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := Parse(Input{File: "f", Data: data})
		if len(problems) > 0 {
			for _, p := range problems {
				if strings.Contains(p.Error(), "\n") && !strings.Contains(p.Value, "\n") && !strings.Contains(p.Key, "\n") {
					t.Fatalf("more than one line: %q", p.Error())
				}
			}
			return
		}
		again, problems := Parse(Input{File: "f", Data: []byte(c.Show())})
		again.sources, c.sources = nil, nil // the file that was written gives every key
		if len(problems) > 0 && c.Store.Key.Empty() || len(problems) == 0 && again.Show() != c.Show() {
			t.Fatalf("what Show writes does not read back: %v\n%s", problems, c.Show())
		}
	})
}

// What 0 stands for is said in the reference page; every other duration that is 0 is refused by its name. It was taken for the default.
func TestADurationOfNothingIsRefusedWhereItSaysNothing(t *testing.T) {
	page, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, f := range schema() {
		if f.typ != reflect.TypeFor[Duration]() {
			continue
		}
		_, problems := Parse(Input{Data: []byte(minimal), File: "patgate.yaml", Env: map[string]string{f.env(): "0s"}})
		_, about, _ := strings.Cut(string(page), "### `"+f.key+"`\n")
		about, _, _ = strings.Cut(about, "\n###")
		if strings.Contains(about, "; 0 ") {
			if len(problems) > 0 {
				t.Errorf("%s: 0s is refused: %v", f.key, problems)
			}
			continue
		}
		refused++
		if !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.Error(), f.key+": ") }) {
			t.Errorf("%s: 0s passes, or is refused under another name: %v", f.key, problems)
		}
	}
	if refused < 15 {
		t.Errorf("only %d durations were refused", refused)
	}
	for _, key := range []string{"routes.watch_interval", "tokens.check_interval"} {
		_, problems := Parse(Input{Data: []byte(minimal), File: "patgate.yaml", Env: map[string]string{field{key: key}.env(): "1ns"}})
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), key) {
			t.Errorf("%s: without a pause: %v", key, problems)
		}
	}
}
