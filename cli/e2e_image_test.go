package cli_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dockerfile is what the Dockerfile says of the product's image.
type dockerfile struct {
	build, user, expose string
	env                 []string
	entrypoint, command []string
}

// readDockerfile reads it, so that what the test assembles is what `docker build` would make, but for the health check and the
// volumes, which crane cannot set.
func readDockerfile(t *testing.T) (d dockerfile) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	words := func(list string) (words []string) {
		if err := json.Unmarshal([]byte(list), &words); err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		return words
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "RUN":
			if strings.Contains(value, "go build") {
				d.build = strings.TrimSuffix(strings.TrimSpace(value), "\\")
			}
		case "USER":
			d.user = value
		case "EXPOSE":
			d.expose = value
		case "ENV":
			d.env = strings.Fields(value)
		case "ENTRYPOINT":
			d.entrypoint = words(value)
		case "CMD":
			d.command = words(value)
		}
	}
	if d.build == "" || d.user == "" || d.expose == "" || len(d.env) == 0 || len(d.entrypoint) == 0 || len(d.command) == 0 {
		t.Fatalf("the Dockerfile is not understood: %+v", d)
	}
	return d
}

// productImage assembles the product's own image without a daemon, pushes it with a pipeline's token, pulls it, and runs what
// was pulled.
func productImage(t *testing.T, s *registryStage, token string) {
	needs(t, "crane", getCrane)
	d := readDockerfile(t)
	build := exec.Command("sh", "-c", strings.ReplaceAll(d.build, "/out/", s.home+"/"))
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", d.build, err, out)
	}
	program := filepath.Join(s.home, "patgate")
	want := s.ok(t, program, "version")
	writeLayer(t, filepath.Join(s.home, "layer.tar"), program, d.user)

	image := s.registry + "/shop/backend/api/patgate:v1"
	s.ok(t, "crane", "auth", "login", s.registry, "-u", "ci", "-p", token)
	s.ok(t, "crane", "append", "--oci-empty-base", "-f", "layer.tar", "-t", image)
	mutate := []string{"mutate", image, "-t", image, "--entrypoint", strings.Join(d.entrypoint, ","), "--cmd", strings.Join(d.command, ","),
		"--user", d.user, "--exposed-ports", d.expose + "/tcp"}
	for _, e := range d.env {
		mutate = append(mutate, "--env", e)
	}
	s.ok(t, "crane", mutate...)
	s.ok(t, "crane", "pull", image, "patgate.tar")

	var config struct {
		Config struct {
			User, WorkingDir string
			Env              []string
			Entrypoint, Cmd  []string
			ExposedPorts     map[string]struct{}
		} `json:"config"`
	}
	text := s.ok(t, "crane", "config", image)
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	_, exposed := config.Config.ExposedPorts[d.expose+"/tcp"]
	if c := config.Config; c.User != d.user || !slices.Equal(c.Entrypoint, d.entrypoint) || !slices.Equal(c.Cmd, d.command) || !exposed ||
		slices.ContainsFunc(d.env, func(e string) bool { return !slices.Contains(c.Env, e) }) {
		t.Errorf("the image says %s, the Dockerfile %+v", text, d)
	}
	pulled := t.TempDir()
	readLayer(t, filepath.Join(s.home, "patgate.tar"), pulled, d.user)
	if got := s.ok(t, filepath.Join(pulled, "patgate"), "version"); got != want || !regexp.MustCompile(`^patgate \S`).MatchString(got) {
		t.Errorf("what was pulled says %q, what was pushed %q", got, want)
	}
	s.refused(t, []string{"Access denied"}, "crane", "append", "--oci-empty-base", "-f", "layer.tar", "-t", s.registry+"/secret/plans/patgate:v1")
	s.refused(t, nil, "crane", "catalog", s.registry)
	s.refused(t, nil, "crane", "delete", image)
}

// writeLayer writes the one layer: the program, the certificate authorities where there are some, and the two folders.
func writeLayer(t *testing.T, name, program, user string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	layer := tar.NewWriter(file)
	owner := 65532
	if user != "65532:65532" {
		t.Fatalf("the image's user is %s", user)
	}
	add := func(h tar.Header, from string) {
		t.Helper()
		var data []byte
		if from != "" {
			if data, err = os.ReadFile(from); err != nil {
				t.Fatal(err)
			}
			h.Size = int64(len(data))
		}
		if err := layer.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := layer.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: "patgate", Mode: 0o755}, program)
	if authorities := "/etc/ssl/certs/ca-certificates.crt"; exists(authorities) {
		add(tar.Header{Name: authorities[1:], Mode: 0o644}, authorities)
	}
	for _, dir := range []string{"data", "keys"} {
		add(tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: owner, Gid: owner}, "")
	}
	if err := layer.Close(); err != nil {
		t.Fatal(err)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// readLayer takes the program out of a pulled image, and looks at who owns the folders that it writes to.
func readLayer(t *testing.T, image, to, user string) {
	t.Helper()
	unpack := exec.Command("tar", "-xf", image, "-C", to)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(to, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest []struct{ Layers []string }
	if err := json.Unmarshal(data, &manifest); err != nil || len(manifest) != 1 || len(manifest[0].Layers) != 1 {
		t.Fatalf("%s: %v", data, err)
	}
	unzip := exec.Command("gzip", "-dc", filepath.Join(to, manifest[0].Layers[0]))
	out, err := unzip.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := unzip.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = io.Copy(io.Discard, out); _ = unzip.Wait() }()
	found := map[string]bool{}
	for layer := tar.NewReader(out); ; {
		h, err := layer.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = true
		switch h.Name {
		case "patgate":
			program, err := os.OpenFile(filepath.Join(to, "patgate"), os.O_CREATE|os.O_WRONLY, os.FileMode(h.Mode))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(program, layer); err != nil {
				t.Fatal(err)
			}
			program.Close()
		case "data/", "keys/":
			if h.Uid != 65532 || h.Gid != 65532 || h.Mode != 0o700 {
				t.Errorf("%s is of %d:%d, mode %o; the image runs as %s", h.Name, h.Uid, h.Gid, h.Mode, user)
			}
		}
	}
	if !found["patgate"] || !found["data/"] || !found["keys/"] {
		t.Errorf("the layer holds %v", found)
	}
}
