package cli_test

import (
	"strings"
	"testing"
)

// imageClient is a program that signs in to a registry, pushes and pulls. In what it is called with, TOKEN, REGISTRY, NAME and HOME
// stand for what they say, and IMAGE for what the preparation printed last.
type imageClient struct {
	program, how         string
	common               []string
	prepare              [][]string
	login, push, pull    []string
	denied, deniedSignIn string // what it shows
}

// imageClients are those that the tests of the registry do not use anyway.
func imageClients() []imageClient {
	storage := []string{"--root", "HOME/storage", "--runroot", "HOME/run", "--storage-driver", "vfs"}
	const missing = "Missing: create_container_repository"
	return []imageClient{{
		program: "podman", how: "apt-get install podman", common: storage,
		prepare: [][]string{{"pull", "-q", "oci:small:v1"}},
		login:   []string{"login", "--tls-verify=false", "-u", "ci", "-p", "TOKEN", "REGISTRY"},
		push:    []string{"push", "--tls-verify=false", "IMAGE", "docker://NAME/podman:v1"},
		pull:    []string{"pull", "--tls-verify=false", "NAME/podman:v1"},
		denied:  missing, deniedSignIn: "403 (Forbidden)",
	}, {
		program: "buildah", how: "apt-get install buildah", common: storage,
		prepare: [][]string{{"pull", "-q", "oci:small:v1"}},
		login:   []string{"login", "--tls-verify=false", "-u", "ci", "-p", "TOKEN", "REGISTRY"},
		push:    []string{"push", "--tls-verify=false", "IMAGE", "docker://NAME/buildah:v1"},
		pull:    []string{"pull", "--tls-verify=false", "NAME/buildah:v1"},
		denied:  missing, deniedSignIn: "403 (Forbidden)",
	}, {
		program: "oras", how: getOras,
		login:  []string{"login", "--plain-http", "-u", "ci", "-p", "TOKEN", "REGISTRY"},
		push:   []string{"push", "--plain-http", "NAME/oras:v1", "small/index.json:application/json"},
		pull:   []string{"pull", "--plain-http", "NAME/oras:v1", "-o", "HOME/oras"},
		denied: missing, deniedSignIn: "Missing: read_container_repository",
	}, {
		program: "helm", how: getHelm,
		prepare: [][]string{{"create", "HOME/chart"}, {"package", "HOME/chart", "-d", "HOME"}},
		login:   []string{"registry", "login", "--plain-http", "-u", "ci", "-p", "TOKEN", "REGISTRY"},
		push:    []string{"push", "--plain-http", "HOME/chart-0.1.0.tgz", "oci://NAME/charts"},
		pull:    []string{"pull", "--plain-http", "oci://NAME/charts/chart", "--version", "0.1.0", "--untar", "--untardir", "HOME/helm"},
		denied:  missing, deniedSignIn: "Missing: read_container_repository",
	}}
}

// getOras is how to get oras.
const getOras = "go install oras.land/oras/cmd/oras@latest"

// getHelm is how to get helm.
const getHelm = "go install helm.sh/helm/v3/cmd/helm@v3.22.0"

// TestImageClients has each program do its ordinary work in front of a registry behind patgate, as the page says that it is set up, with
// tokens of templates.
func TestImageClients(t *testing.T) {
	s := startRegistry(t, true, "PATGATE_PUBLIC_URL=http://localhost:{port}")
	s.clientsWork(t, "shop/backend/api", "--project", "shop/backend/api")
	s.pastPatgate(t)
}

// clientsWork has every image client sign in, push and pull images whose names begin with a path: with a token that may push, with one
// that may pull, and with one that may do neither. where says what the tokens reach.
func (s *registryStage) clientsWork(t *testing.T, path string, where ...string) {
	t.Helper()
	mint := func(name string, what ...string) string {
		return s.mint(t, append(append([]string{"--name", name}, where...), what...)...)
	}
	pusher, puller := mint("pusher", "--template", "container-push"), mint("puller", "--template", "container-pull")
	other := mint("no images", "--allow", "read_project")
	s.layout(t, "small", 4096, "amd64")
	for _, c := range imageClients() {
		t.Run(c.program, func(t *testing.T) {
			needs(t, c.program, c.how)
			image := ""
			with := func(token string, args []string) (all []string) {
				to := strings.NewReplacer("TOKEN", token, "REGISTRY", s.registry, "NAME", s.registry+"/"+path, "HOME", s.home, "IMAGE",
					image)
				for _, a := range append(c.common[:len(c.common):len(c.common)], args...) {
					all = append(all, to.Replace(a))
				}
				return all
			}
			for _, args := range c.prepare {
				image = strings.TrimSpace(s.ok(t, c.program, with("", args)...))
			}
			s.refused(t, []string{c.deniedSignIn}, c.program, with(other, c.login)...)
			s.ok(t, c.program, with(puller, c.login)...)
			s.refused(t, []string{c.denied}, c.program, with("", c.push)...)
			s.ok(t, c.program, with(pusher, c.login)...)
			s.ok(t, c.program, with("", c.push)...)
			s.ok(t, c.program, with(puller, c.login)...)
			s.ok(t, c.program, with("", c.pull)...)
		})
	}
}
