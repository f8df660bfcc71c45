package cli_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// giteaClients is package managers as they are published, set up as Gitea's pages say.
type giteaClients struct {
	*packageStage
	// writer may publish packages of acme, reader install them, stranger neither.
	writer, reader, stranger string
}

// address is where the packages of acme are, for a client that is given a user and a password, or neither.
func (c *giteaClients) address(path, password string) string {
	if password == "" {
		return c.gate + "/api/packages/acme/" + path
	}
	return strings.Replace(c.gate, "://", "://"+url.UserPassword("ci", password).String()+"@", 1) + "/api/packages/acme/" + path
}

func (c *giteaClients) works(t *testing.T, dir string, env []string, program string, args ...string) string {
	t.Helper()
	out, err := c.client(dir, env, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\nthe server's log:\n%s", program, strings.Join(args, " "), err, out, c.lastLines(6))
	}
	return out
}

func (c *giteaClients) refused(t *testing.T, text, dir string, env []string, program string, args ...string) {
	t.Helper()
	if out, err := c.client(dir, env, program, args...); err == nil || !strings.Contains(out, text) {
		t.Errorf("%s %s: %v, and does not show %q:\n%s", program, strings.Join(args, " "), err, text, out)
	}
}

// giteaPackageClients has each publish, install, and be refused.
func giteaPackageClients(t *testing.T, g *giteaStage) {
	c := &giteaClients{packageStage: &packageStage{running: g.running, home: t.TempDir()},
		writer:   g.mint(t, "--name", "publisher", "--group", "acme", "--template", "package-publish"),
		reader:   g.mint(t, "--name", "installer", "--group", "acme", "--template", "package-install"),
		stranger: g.mint(t, "--name", "other job", "--project", "acme/app", "--allow", "read_project")}
	t.Run("Helm", c.helm)
	t.Run("pip and twine", c.pip)
	t.Run("RubyGems", c.gems)
	t.Run("Composer", c.composer)
	t.Run("Cargo", c.cargo)
	t.Run("NuGet", c.nuget)
}

func (c *giteaClients) helm(t *testing.T) {
	needs(t, "helm", getHelm)
	needs(t, "curl", "apt-get install curl")
	dir := filepath.Join(c.home, "helm")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.works(t, dir, nil, "helm", "create", "shop")
	c.works(t, dir, nil, "helm", "package", "shop", "--version", "1.0.0")
	upload := func(token string) []string {
		return []string{"--fail-with-body", "-sS", "-u", "ci:" + token, "-X", "POST", "--upload-file", "shop-1.0.0.tgz",
			c.address("helm/api/charts", "")}
	}
	c.refused(t, "create_package", dir, nil, "curl", upload(c.reader)...)
	c.works(t, dir, nil, "curl", upload(c.writer)...)
	repo := func(token string) []string {
		return []string{"repo", "add", "--force-update", "--username", "ci", "--password", token, "gitea", c.address("helm", "")}
	}
	c.refused(t, "403 Forbidden: missing read_package", dir, nil, "helm", repo(c.stranger)...)
	c.works(t, dir, nil, "helm", repo(c.reader)...)
	c.works(t, dir, nil, "helm", "repo", "update")
	c.works(t, dir, nil, "helm", "pull", "gitea/shop", "--version", "1.0.0", "--untar", "--untardir", "got")
	holds(t, filepath.Join(dir, "got", "shop", "Chart.yaml"), "version: 1.0.0")
	if out := c.works(t, dir, nil, "helm", "template", "app", "gitea/shop"); !strings.Contains(out, "helm.sh/chart: shop-1.0.0") {
		t.Error(out)
	}
}

func (c *giteaClients) pip(t *testing.T) {
	needs(t, "twine", "apt-get install twine")
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-m", "pip", "--version").Run(); err != nil {
		missing(t, "pip is not here: apt-get install python3-pip")
	}
	file := c.file(t, "pypi/shop_lib-1.0.0-py3-none-any.whl", wheel("shop_lib", "1.0.0", "shop_lib", "NAME = 'from the registry'\n"))
	upload := func(token string) []string {
		return []string{"upload", "--non-interactive", "--disable-progress-bar", "--repository-url", c.address("pypi", ""), "-u", "ci",
			"-p", token, file}
	}
	c.refused(t, "Forbidden: missing create_package", c.home, []string{wide}, "twine", upload(c.reader)...)
	c.works(t, c.home, nil, "twine", upload(c.writer)...)
	install := func(token, to string) []string {
		return []string{"-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--retries", "0", "--no-deps", "--target",
			filepath.Join(c.home, to), "--index-url", c.address("pypi/simple", token), "--trusted-host", "127.0.0.1", "shop-lib"}
	}
	c.works(t, c.home, nil, python, install(c.reader, "pypi/installed")...)
	holds(t, c.home+"/pypi/installed/shop_lib.py", "from the registry")
	c.refused(t, "403", c.home, nil, python, append(install(c.stranger, "pypi/none"), "-vvv")...)
}

func (c *giteaClients) gems(t *testing.T) {
	needs(t, "gem", "apt-get install ruby")
	dir := filepath.Dir(c.file(t, "gems/shop_lib.gemspec", []byte(gemspec)))
	c.file(t, "gems/lib/shop_lib.rb", []byte("FROM = 'from the registry'\n"))
	c.works(t, dir, nil, "gem", "build", "shop_lib.gemspec")
	push := []string{"push", "--host", c.address("rubygems", ""), "shop_lib-1.0.0.gem"}
	c.refused(t, "create_package", dir, []string{"GEM_HOST_API_KEY=Bearer " + c.reader}, "gem", push...)
	c.works(t, dir, []string{"GEM_HOST_API_KEY=Bearer " + c.writer}, "gem", push...)
	install := func(token, to string) []string {
		return []string{"install", "shop_lib", "--clear-sources", "--source", c.address("rubygems/", token), "--remote", "--install-dir",
			filepath.Join(c.home, to), "--no-document"}
	}
	c.works(t, c.home, nil, "gem", install(c.reader, "gems/installed")...)
	holds(t, c.home+"/gems/installed/gems/shop_lib-1.0.0/lib/shop_lib.rb", "from the registry")
	c.refused(t, "Forbidden: missing read_package", c.home, nil, "gem", install(c.stranger, "gems/none")...)
}

func (c *giteaClients) composer(t *testing.T) {
	needs(t, "composer", "apt-get install composer")
	needs(t, "unzip", "apt-get install unzip")
	needs(t, "curl", "apt-get install curl")
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, text := range map[string]string{
		"composer.json": `{"name":"shop/lib","version":"1.0.0","type":"library","autoload":{"classmap":["src/"]}}`,
		"src/Lib.php":   "<?php class Lib { const FROM = 'from the registry'; }\n"} {
		f, _ := w.Create(name)
		_, _ = f.Write([]byte(text))
	}
	_ = w.Close()
	file := c.file(t, "composer/lib.zip", archive.Bytes())
	upload := func(token string) []string {
		return []string{"--fail-with-body", "-sS", "-u", "ci:" + token, "--upload-file", file, c.address("composer", "")}
	}
	c.refused(t, "create_package", c.home, nil, "curl", upload(c.reader)...)
	c.works(t, c.home, nil, "curl", upload(c.writer)...)
	project := func(name, token string) (string, []string) {
		at := strings.TrimPrefix(c.gate, "http://")
		config, _ := json.Marshal(object{"repositories": []any{object{"type": "composer", "url": c.address("composer", "")},
			object{"packagist": false}}, "require": object{"shop/lib": "1.0.0"}, "config": object{"secure-http": false}})
		auth, _ := json.Marshal(object{"http-basic": object{at: object{"username": "ci", "password": token}}})
		dir := filepath.Dir(c.file(t, "composer/"+name+"/composer.json", config))
		return dir, []string{"COMPOSER_HOME=" + c.home + "/composer/home-" + name, "COMPOSER_AUTH=" + string(auth),
			"COMPOSER_ALLOW_SUPERUSER=1", "COMPOSER_NO_AUDIT=1", wide}
	}
	install := []string{"install", "--no-interaction", "--prefer-dist", "--no-progress"}
	dir, env := project("reader", c.reader)
	c.works(t, dir, env, "composer", install...)
	holds(t, dir+"/vendor/shop/lib/src/Lib.php", "from the registry")
	dir, env = project("stranger", c.stranger)
	c.refused(t, "403 Forbidden: missing read_package", dir, env, "composer", install...)
}

func (c *giteaClients) cargo(t *testing.T) {
	k := c.newCrate(t, c.address("cargo/", ""))
	c.refused(t, "create_package", k.library, k.env(c.reader), k.program, k.publish()...)
	c.works(t, k.library, k.env(c.writer), k.program, k.publish()...)
	c.refused(t, "read_package", k.use, k.env(c.stranger), k.program, k.fetch(t)...)
	c.works(t, k.use, k.env(c.reader), k.program, k.fetch(t)...)
	k.fetched(t)
}

// nuget makes the requests of NuGet's client, with its key, its password, and both.
func (c *giteaClients) nuget(t *testing.T) {
	const published = "nuget"
	put := func(header http.Header, id string, status int) {
		t.Helper()
		kind, body := form("package", "package.nupkg", nupkg(id, "1.0.0"))
		header.Set("Content-Type", kind)
		if a := send(http.MethodPut, c.address(published, ""), header, body); a.status != status {
			t.Errorf("%s: %d, want %d: %s", id, a.status, status, a.body)
		}
	}
	both := basic(c.writer)
	both.Set("X-Nuget-Apikey", c.writer)
	put(nugetKey(c.reader), "Shop.Refused", http.StatusForbidden)
	put(nugetKey(c.writer), "Shop.Key", http.StatusCreated)
	put(basic(c.writer), "Shop.Password", http.StatusCreated)
	put(both, "Shop.Both", http.StatusCreated)
	index := send(http.MethodGet, c.address("nuget/index.json", ""), basic(c.reader), nil)
	if index.status != http.StatusOK || !strings.Contains(index.body, `"`+c.gate+"/api/packages/acme/nuget") {
		t.Errorf("%d %s", index.status, index.body)
	}
	for _, id := range []string{"shop.key", "shop.password", "shop.both"} {
		a := send(http.MethodGet, c.address("nuget/package/"+id+"/1.0.0/"+id+".1.0.0.nupkg", ""), basic(c.reader), nil)
		if a.status != http.StatusOK || !strings.HasPrefix(a.body, "PK") {
			t.Errorf("%s: %d %.200s", id, a.status, a.body)
		}
	}
}
