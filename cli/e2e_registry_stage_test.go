package cli_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// registryStage is a running server, a forge that signs tokens, and a registry that trusts them.
type registryStage struct {
	*running
	gateway  string // patgate, by the name that crane takes for local
	registry string // host:port
	home     string
}

// registryConfig is the configuration of Debian's docker-registry with token auth.
const registryConfig = `version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}
http: {addr: %q, host: %q}
auth: {token: {realm: %q, service: container_registry, issuer: gitlab-issuer, rootcertbundle: %q}}
`

// startRegistry starts a registry with an address of its own, or one that is reached through patgate alone.
func startRegistry(t *testing.T, behind bool, settings ...string) *registryStage {
	t.Helper()
	for _, program := range []string{"docker-registry", "skopeo"} {
		needs(t, program, "apt-get install "+program)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	r := startRunningWith(t, func(*world) []string {
		if behind {
			settings = append(settings, "PATGATE_REGISTRY_URL=http://"+address)
		}
		return settings
	})
	s := &registryStage{running: r, home: t.TempDir()}
	_, port, _ := strings.Cut(strings.TrimPrefix(r.gate, "http://"), ":")
	s.gateway = "localhost:" + port
	certificate, err := r.world.forge.ServeRegistryTokens()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = strings.Cut(address, ":")
	s.registry = "localhost:" + port
	realm := "http://" + s.gateway + "/jwt/auth"
	if behind {
		s.registry, realm = s.gateway, r.world.url+"/jwt/auth" // the forge's own, which no client must be sent to
	}
	bundle, configuration := filepath.Join(s.home, "trusted.pem"), filepath.Join(s.home, "registry.yaml")
	host := ""
	for _, setting := range settings {
		if text, is := strings.CutPrefix(setting, "PATGATE_REGISTRY_EXTERNAL_URLS="); is {
			host = text
		}
	}
	text := fmt.Sprintf(registryConfig, filepath.Join(s.home, "images"), address, host, realm, bundle)
	for name, data := range map[string][]byte{bundle: certificate, configuration: []byte(text)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	serveRegistry(t, configuration, address, http.StatusUnauthorized)
	return s
}

// serveRegistry starts Debian's docker-registry and waits until it answers a stranger with a status.
func serveRegistry(t *testing.T, configuration, address string, status int) {
	t.Helper()
	cmd := exec.Command("docker-registry", "serve", configuration)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 100 {
		if response, err := http.Get("http://" + address + "/v2/"); err == nil {
			response.Body.Close()
			if response.StatusCode == status {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the registry does not serve:\n%s", log.String())
}

// run runs a client with a home of its own.
func (s *registryStage) run(program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "NO_PROXY=*", "TMPDIR=" + s.home,
		"DOCKER_HOST=unix://" + s.home + "/no-daemon"} // docker signs in by itself
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *registryStage) ok(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := s.run(program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\nthe server's log:\n%s", program, strings.Join(args, " "), err, out, s.lastLines(4))
	}
	return out
}

func (s *registryStage) refused(t *testing.T, texts []string, program string, args ...string) {
	t.Helper()
	out, err := s.run(program, args...)
	if err == nil {
		t.Fatalf("%s %s succeeded:\n%s", program, strings.Join(args, " "), out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%s %s does not print %q:\n%s", program, strings.Join(args, " "), text, out)
		}
	}
}

// layout writes an OCI image layout with an image for each platform, each with a layer of so many bytes, and gives its
// reference for skopeo.
func (s *registryStage) layout(t *testing.T, name string, layer int64, platforms ...string) string {
	t.Helper()
	dir := filepath.Join(s.home, name)
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	type descriptor = map[string]any
	put := func(mediaType string, write func(io.Writer)) descriptor {
		file, err := os.CreateTemp(blobs, "new-*")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		sum := sha256.New()
		write(io.MultiWriter(file, sum))
		info, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		digest := hex.EncodeToString(sum.Sum(nil))
		if err := os.Rename(file.Name(), filepath.Join(blobs, digest)); err != nil {
			t.Fatal(err)
		}
		return descriptor{"mediaType": mediaType, "digest": "sha256:" + digest, "size": info.Size()}
	}
	asJSON := func(v any) func(io.Writer) { return func(w io.Writer) { _ = json.NewEncoder(w).Encode(v) } }
	var manifests []descriptor
	for _, platform := range platforms {
		content := put("application/vnd.oci.image.layer.v1.tar", func(w io.Writer) {
			files := tar.NewWriter(w)
			_ = files.WriteHeader(&tar.Header{Name: "noise-" + platform, Mode: 0o644, Size: layer})
			_, _ = io.CopyN(files, zeros{}, layer)
			_ = files.Close()
		})
		config := put("application/vnd.oci.image.config.v1+json", asJSON(descriptor{"architecture": platform, "os": "linux", "config": descriptor{},
			"rootfs": descriptor{"type": "layers", "diff_ids": []any{content["digest"]}}}))
		m := put("application/vnd.oci.image.manifest.v1+json", asJSON(descriptor{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
			"config": config, "layers": []descriptor{content}}))
		m["platform"] = descriptor{"architecture": platform, "os": "linux"}
		manifests = append(manifests, m)
	}
	top := manifests[0]
	if len(manifests) > 1 {
		top = put("application/vnd.oci.image.index.v1+json", asJSON(descriptor{"schemaVersion": 2,
			"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}))
	}
	top["annotations"] = descriptor{"org.opencontainers.image.ref.name": "v1"}
	for file, content := range map[string]any{"oci-layout": descriptor{"imageLayoutVersion": "1.0.0"},
		"index.json": descriptor{"schemaVersion": 2, "manifests": []descriptor{top}}} {
		data, _ := json.Marshal(content)
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "oci:" + dir + ":v1"
}

// image names an image in the registry for skopeo.
func (s *registryStage) image(name string) string { return "docker://" + s.registry + "/" + name }
