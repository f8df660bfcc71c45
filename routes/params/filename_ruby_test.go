package params

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"mime"
	"os"
	"os/exec"
	"patgate/routes/params/multipart"
	"strings"
	"testing"
)

// fileNames makes up file names of all that a reader of a part's header lines may trip over.
func fileNames(count int) []string {
	rng := rand.New(rand.NewPCG(uint64(count), 6))
	pieces := []string{"a", "100", "%", "%25", "%41", "%4", "%2F", "%22", "%0A", "%E4%BD%A0", "%ff", ";", "; ", "name=", "name=sudo",
		"filename=x", "filename*=", "=",
		":", ",", "\"", "'", "''", "UTF-8''", "é", "你", "\u2028", "\u00a0", " ", ".", "..", "+", "&", "[", "]", "(", ")", "<", ">", "@",
		"?", "*", "{", "#", "~", ".png",
		"Content-Disposition: form-data; name=sudo", "--b"}
	names := []string{"100%.png", "a; name=sudo", `a"; name="sudo`, "a;name=sudo", "a%20b.png", "%22.png", "a:b; name=sudo",
		"a; filename=b"}
	for len(names) < count {
		name := ""
		for range 1 + rng.IntN(5) {
			name += pieces[rng.IntN(len(pieces))]
		}
		if multipart.PlainFilename([]byte(name)) {
			names = append(names, name)
		}
	}
	return names
}

// rackReads gives the names and file names that Rack takes from parts, each alone in its body.
func rackReads(t *testing.T, parts []string) (read [][][2]string) {
	t.Helper()
	ruby, err := exec.LookPath("ruby")
	if err == nil {
		err = exec.Command(ruby, "-e", "require 'rack'").Run()
	}
	switch {
	case err != nil && os.Getenv("PATGATE_E2E_REQUIRED") == "1":
		t.Fatal("ruby and Rack are not here: apt-get install ruby ruby-rack")
	case err != nil:
		t.Skip("ruby and Rack are not here: apt-get install ruby ruby-rack")
	}
	bodies := make([]string, len(parts))
	for i, p := range parts {
		bodies[i] = "--b\r\n" + p + "x\r\n--b--\r\n"
	}
	in, err := json.Marshal(bodies)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(ruby, "testdata/file_names.rb")
	c.Stdin = bytes.NewReader(in)
	c.Env = append(os.Environ(), "LANG=C.UTF-8")
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &read); err != nil || len(read) != len(parts) {
		t.Fatalf("%d answers for %d parts: %v", len(read), len(parts), err)
	}
	return read
}

// Threat: a file name moves the part to another parameter, or is another one to GitLab than to Workhorse, which is written in Go.
// Attack: made-up names, as patgate writes them. Control: as clients quote them, Rack takes many for something else.
func TestFileNamesAreReadAlike(t *testing.T) {
	names := fileNames(1500)
	var written, quoted []string
	for _, name := range names {
		h := multipart.Part{Name: []byte("file"), Filename: []byte(name), File: true, ContentType: []byte("text/plain")}
		line := string(h.AppendTo(nil))
		written = append(written, line)
		quoted = append(quoted, `Content-Disposition: form-data; name="file"; filename="`+strings.ReplaceAll(name, `"`, `\"`)+"\"\r\n\r\n")
		disposition, _, _ := strings.Cut(strings.TrimPrefix(line, "Content-Disposition: "), "\r\n")
		if _, parameters, err := mime.ParseMediaType(disposition); err != nil || parameters["name"] != "file" ||
			parameters["filename"] != name {
			t.Errorf("Go reads %q as %q (%v)", line, parameters, err)
		}
	}
	for i, read := range rackReads(t, written) {
		if len(read) != 1 || read[0] != [2]string{"file", names[i]} {
			t.Errorf("Rack reads %q as %q", written[i], read)
		}
	}
	differ := 0
	for i, read := range rackReads(t, quoted) {
		if len(read) != 1 || read[0] != [2]string{"file", names[i]} {
			differ++
		}
	}
	if differ < 200 {
		t.Errorf("Rack reads only %d names otherwise when they are quoted", differ)
	}
}
