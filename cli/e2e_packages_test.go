package cli_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackageClients runs package managers as their users do: a token that may create packages publishes, one that may
// read installs, and each is refused what it may not do with a message that the client shows.
func TestPackageClients(t *testing.T) {
	s := startPackages(t)
	t.Run("npm", func(t *testing.T) { npm(t, s) })
	t.Run("pip and twine", func(t *testing.T) { pip(t, s) })
	t.Run("Maven", func(t *testing.T) { maven(t, s) })
	t.Run("Composer", func(t *testing.T) { composer(t, s) })
	t.Run("RubyGems", func(t *testing.T) { rubygems(t, s) })
	t.Run("Helm", func(t *testing.T) { helmRepo(t, s) })
	t.Run("Cargo", func(t *testing.T) { cargoRegistry(t, s) })
	t.Run("generic packages with curl", func(t *testing.T) { generic(t, s) })
}

func npm(t *testing.T, s *packageStage) {
	needs(t, "npm", "apt-get install npm")
	dir := filepath.Dir(s.file(t, "npm/lib/package.json", []byte(`{"name":"@shop/lib","version":"1.0.0","main":"index.js","description":"a library"}`)))
	s.file(t, "npm/lib/index.js", []byte("module.exports = 'from the registry'\n"))
	registry := s.api("packages/npm/", "", "")
	with := func(where, credential string) []string {
		rc := s.file(t, "npm/"+where, []byte("@shop:registry="+registry+"\n"+strings.TrimPrefix(registry, "http:")+credential+"\nfund=false\naudit=false\nupdate-notifier=false\nfetch-retries=0\n"))
		return []string{"NPM_CONFIG_USERCONFIG=" + rc, "NPM_CONFIG_CACHE=" + s.home + "/npm/cache-" + where}
	}
	publisher, installer := with("publisher", ":_authToken="+s.writer), with("installer", ":_authToken="+s.reader)

	s.refused(t, []string{"403 Forbidden: missing create_package", "npm notice"}, dir, installer, "npm", "publish")
	s.works(t, "Bearer", dir, publisher, "npm", "publish")
	use := filepath.Dir(s.file(t, "npm/use/package.json", []byte(`{"name":"use","version":"1.0.0"}`)))
	s.works(t, "Bearer", use, installer, "npm", "install", "@shop/lib@1.0.0")
	holds(t, use+"/node_modules/@shop/lib/index.js", "from the registry")
	holds(t, use+"/package-lock.json", `"resolved": "http://`+s.wire.address+"/api/v4/")
	s.refused(t, []string{"403 Forbidden: missing read_package"}, use, with("stranger", ":_authToken="+s.stranger), "npm", "install", "@shop/lib@1.0.0", "--prefer-online")

	t.Run("_auth, which GitLab's npm does not read, and tags", func(t *testing.T) {
		basic := with("basic", ":_auth="+base64.StdEncoding.EncodeToString([]byte("ci:"+s.writer)))
		if out := s.works(t, "PRIVATE-TOKEN", dir, basic, "npm", "view", "@shop/lib", "version"); !strings.Contains(out, "1.0.0") {
			t.Error(out)
		}
		s.works(t, "PRIVATE-TOKEN", dir, basic, "npm", "dist-tag", "add", "@shop/lib@1.0.0", "stable")
		if out := s.works(t, "Bearer", dir, installer, "npm", "dist-tag", "ls", "@shop/lib"); !strings.Contains(out, "stable: 1.0.0") {
			t.Error(out)
		}
		s.refused(t, []string{"403"}, dir, basic, "npm", "dist-tag", "rm", "@shop/lib", "stable") // delete_package
	})
	t.Run("HEAD", func(t *testing.T) { npmHead(t, s) })
}

// npmHead asks with HEAD for a list of versions, in which patgate changes addresses.
func npmHead(t *testing.T, s *packageStage) {
	address := s.api("packages/npm/@shop%2flib", "", "")
	changed := send("HEAD", address, bearer(s.reader), nil)
	if changed.status != 200 || changed.header.Get("Content-Length") != "" || changed.header.Get("ETag") != "" {
		t.Error("the forge's length is not that of the answer that would come:", changed.status, changed.header)
	}
	if denied := send("HEAD", address, bearer(s.stranger), nil); denied.status != 403 {
		t.Error(denied.status)
	}
}

// wide has clients that fit what they show to a terminal's width fit it to a wide one.
const wide = "COLUMNS=1000"

// wheel makes a pure wheel without a build.
func wheel(name, version, module, content string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	info := name + "-" + version + ".dist-info/"
	record := ""
	for _, f := range [][2]string{{module + ".py", content}, {info + "WHEEL", "Wheel-Version: 1.0\nGenerator: patgate's tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\nSummary: a library\nClassifier: Programming Language :: Python :: 3\nClassifier: License :: OSI Approved\nProject-URL: Home, https://shop.example\n"}} {
		file, _ := w.Create(f[0])
		_, _ = file.Write([]byte(f[1]))
		sum := sha256.Sum256([]byte(f[1]))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", f[0], base64.RawURLEncoding.EncodeToString(sum[:]), len(f[1]))
	}
	file, _ := w.Create(info + "RECORD")
	_, _ = file.Write([]byte(record + info + "RECORD,,\n"))
	_ = w.Close()
	return out.Bytes()
}

func pip(t *testing.T, s *packageStage) {
	needs(t, "twine", "apt-get install twine")
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-m", "pip", "--version").Run(); err != nil {
		missing(t, "pip is not here: apt-get install python3-pip")
	}
	file := s.file(t, "pypi/shop_lib-1.0.0-py3-none-any.whl", wheel("shop_lib", "1.0.0", "shop_lib", "NAME = 'from the registry'\n"))
	upload := func(token string) []string {
		return []string{"upload", "--non-interactive", "--disable-progress-bar", "--verbose", "--repository-url", s.api("packages/pypi", "", ""), "-u", "ci", "-p", token, file}
	}
	s.refused(t, []string{"403 Forbidden: missing create_package"}, s.home, nil, "twine", upload(s.reader)...)
	s.works(t, "Basic", s.home, nil, "twine", upload(s.writer)...)
	install := func(token, to string) []string {
		return []string{"-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--retries", "0", "--no-deps", "--target", filepath.Join(s.home, to),
			"--index-url", s.api("packages/pypi/simple", "ci", token), "--trusted-host", "127.0.0.1", "shop-lib"}
	}
	s.works(t, "Basic", s.home, nil, python, install(s.reader, "pypi/installed")...)
	holds(t, s.home+"/pypi/installed/shop_lib.py", "from the registry")
	s.refused(t, []string{"403"}, s.home, nil, python, append(install(s.stranger, "pypi/none"), "-vvv")...)
}

// mavenSettings names the servers of the pom: one whose token is in GitLab's own header, one with a password.
const mavenSettings = `<settings>
  <mirrors><mirror><id>debian</id><url>file://%[1]s</url><mirrorOf>central</mirrorOf></mirror></mirrors>
  <servers>
    <server><id>header</id><configuration><httpHeaders><property><name>Private-Token</name><value>%[2]s</value></property></httpHeaders></configuration></server>
    <server><id>password</id><username>ci</username><password>%[2]s</password></server>
  </servers>
</settings>`

// mavenUse is a project that takes the library as an extension of its build, which Maven resolves without any plugin.
const mavenUse = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>shop</groupId><artifactId>use</artifactId><version>1</version><packaging>pom</packaging>
  <pluginRepositories><pluginRepository><id>password</id><url>%s</url></pluginRepository></pluginRepositories>
  <build><extensions><extension><groupId>shop</groupId><artifactId>lib</artifactId><version>1.0.0</version></extension></extensions></build>
</project>`

func maven(t *testing.T, s *packageStage) {
	needs(t, "mvn", "apt-get install maven libmaven-deploy-plugin-java")
	const debian = "/usr/share/maven-repo"
	if _, err := os.Stat(debian + "/org/apache/maven/plugins/maven-deploy-plugin"); err != nil {
		missing(t, "Maven's deploy plugin is not here: apt-get install libmaven-deploy-plugin-java")
	}
	copied := filepath.Join(s.home, "maven", "debian")
	if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-rL", debian, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	versions, _ := filepath.Glob(copied + "/org/apache/maven/plugins/maven-deploy-plugin/3*")
	if len(versions) == 0 {
		t.Fatal("no version of the deploy plugin was found")
	}
	utils, _ := filepath.Glob(copied + "/org/codehaus/plexus/plexus-utils/*/plexus-utils-*.jar") // Maven gives every extension its version 1.1
	if len(utils) == 0 {
		t.Fatal("plexus-utils was not found")
	}
	for name, content := range map[string]func() ([]byte, error){
		"jar": func() ([]byte, error) { return os.ReadFile(utils[0]) },
		"pom": func() ([]byte, error) {
			return []byte("<project><modelVersion>4.0.0</modelVersion><groupId>org.codehaus.plexus</groupId><artifactId>plexus-utils</artifactId><version>1.1</version></project>"), nil
		},
	} {
		data, err := content()
		if err != nil {
			t.Fatal(err)
		}
		s.file(t, "maven/debian/org/codehaus/plexus/plexus-utils/1.1/plexus-utils-1.1."+name, data)
	}
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	f, _ := w.Create("shop/lib.txt")
	_, _ = f.Write([]byte("from the registry"))
	_ = w.Close()
	file := s.file(t, "maven/lib.jar", jar.Bytes())
	registry := s.api("packages/maven", "", "")
	mvn := func(token string, args ...string) []string {
		settings := s.file(t, "maven/"+token[len(token)-8:]+".xml", fmt.Appendf(nil, mavenSettings, copied, token))
		return append([]string{"-B", "-ntp", "-s", settings, "-Dmaven.repo.local=" + s.home + "/maven/local-" + token[len(token)-8:]}, args...)
	}
	deploy := func(token, server string) []string {
		return mvn(token, "org.apache.maven.plugins:maven-deploy-plugin:"+filepath.Base(versions[len(versions)-1])+":deploy-file", "-Durl="+registry, "-DrepositoryId="+server,
			"-Dfile="+file, "-DgroupId=shop", "-DartifactId=lib", "-Dversion=1.0.0", "-Dpackaging=jar")
	}
	s.refused(t, []string{"403"}, s.home, nil, "mvn", deploy(s.reader, "header")...)
	s.works(t, "PRIVATE-TOKEN", s.home, nil, "mvn", deploy(s.writer, "header")...)
	use := filepath.Dir(s.file(t, "maven/use/pom.xml", fmt.Appendf(nil, mavenUse, registry)))
	s.refused(t, []string{"403"}, use, nil, "mvn", mvn(s.stranger, "validate")...)
	s.works(t, "Basic", use, nil, "mvn", mvn(s.reader, "validate")...)
	if got, err := os.ReadFile(s.home + "/maven/local-" + s.reader[len(s.reader)-8:] + "/shop/lib/1.0.0/lib-1.0.0.jar"); err != nil || !bytes.Equal(got, jar.Bytes()) {
		t.Error(err, len(got))
	}
}

func composer(t *testing.T, s *packageStage) {
	needs(t, "composer", "apt-get install composer")
	needs(t, "unzip", "apt-get install unzip")
	needs(t, "curl", "apt-get install curl")
	f := s.world.forge
	f.AddFile(s.world.api, "composer.json", []byte(`{"name":"shop/lib","type":"library","autoload":{"classmap":["src/"]}}`))
	f.AddFile(s.world.api, "src/Lib.php", []byte("<?php class Lib { const FROM = 'from the registry'; }\n"))
	f.AddTag(s.world.api, "v1.0.0")
	publish := func(token string) []string {
		return []string{"--fail-with-body", "-sS", "--data", "tag=v1.0.0", "-H", "PRIVATE-TOKEN: " + token, s.api("packages/composer", "", "")}
	}
	s.refused(t, []string{"create_package"}, s.home, nil, "curl", publish(s.reader)...)
	s.works(t, "PRIVATE-TOKEN", s.home, nil, "curl", publish(s.writer)...)
	group := fmt.Sprintf("http://%s/api/v4/group/%d/-/packages/composer/packages.json", s.wire.address, s.world.shop)
	reader := s.mint(t, "--name", "composer", "--group", "shop", "--allow", "read_package")
	domain := strings.Split(s.wire.address, ":")[0]
	project := func(name string, auth map[string]any) (string, []string) {
		domains := []string{}
		if _, is := auth["gitlab-token"]; is {
			domains = []string{s.wire.address, domain}
		}
		config, _ := json.Marshal(map[string]any{
			"repositories": []any{map[string]any{"type": "composer", "url": group}, map[string]any{"packagist": false}},
			"require":      map[string]any{"shop/lib": "1.0.0"}, "config": map[string]any{"secure-http": false, "gitlab-domains": domains},
		})
		credentials, _ := json.Marshal(auth)
		dir := filepath.Dir(s.file(t, "composer/"+name+"/composer.json", config))
		return dir, []string{"COMPOSER_HOME=" + s.home + "/composer/home-" + name, "COMPOSER_AUTH=" + string(credentials), "COMPOSER_ALLOW_SUPERUSER=1", "COMPOSER_NO_AUDIT=1", wide}
	}
	install := []string{"install", "--no-interaction", "--prefer-dist", "--no-progress"}
	password := func(token string) map[string]any {
		return map[string]any{"http-basic": map[string]any{s.wire.address: map[string]any{"username": "ci", "password": token}}}
	}
	dir, env := project("basic", password(reader))
	s.works(t, "Basic", dir, env, "composer", install...)
	holds(t, dir+"/vendor/shop/lib/src/Lib.php", "from the registry")
	dir, env = project("gitlab-token", map[string]any{"gitlab-token": map[string]any{s.wire.address: reader}})
	s.works(t, "PRIVATE-TOKEN", dir, env, "composer", install...)
	holds(t, dir+"/vendor/shop/lib/src/Lib.php", "from the registry")
	dir, env = project("stranger", password(s.stranger))
	s.refused(t, []string{"403 Forbidden: missing read_package"}, dir, env, "composer", install...)
	dir, env = project("stranger-token", map[string]any{"gitlab-token": map[string]any{s.wire.address: s.stranger}})
	s.refused(t, []string{"Invalid credentials"}, dir, env, "composer", install...)
}

const gemspec = `Gem::Specification.new do |s|
  s.name, s.version, s.summary, s.authors, s.files, s.homepage, s.license = "shop_lib", "1.0.0", "a library", ["shop"], ["lib/shop_lib.rb"], "https://shop.example", "MIT"
end
`

func rubygems(t *testing.T, s *packageStage) {
	needs(t, "gem", "apt-get install ruby")
	dir := filepath.Dir(s.file(t, "gems/shop_lib.gemspec", []byte(gemspec)))
	s.file(t, "gems/lib/shop_lib.rb", []byte("FROM = 'from the registry'\n"))
	if out, err := s.client(dir, nil, "gem", "build", "shop_lib.gemspec"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	host := strings.TrimSuffix(s.api("packages/rubygems", "", ""), "/")
	push := []string{"push", "--host", host, "shop_lib-1.0.0.gem"}
	s.refused(t, []string{"create_package"}, dir, []string{"GEM_HOST_API_KEY=" + s.reader}, "gem", push...)
	s.works(t, "Authorization", dir, []string{"GEM_HOST_API_KEY=" + s.writer}, "gem", push...)
	install := func(token, to string) []string {
		return []string{"install", "shop_lib", "--clear-sources", "--source", s.api("packages/rubygems/", "ci", token), "--remote", "--install-dir", filepath.Join(s.home, to), "--no-document"}
	}
	s.works(t, "Basic", s.home, nil, "gem", install(s.reader, "gems/installed")...)
	holds(t, s.home+"/gems/installed/gems/shop_lib-1.0.0/lib/shop_lib.rb", "from the registry")
	s.refused(t, []string{"Forbidden: missing read_package"}, s.home, nil, "gem", install(s.stranger, "gems/none")...)
}

func generic(t *testing.T, s *packageStage) {
	needs(t, "curl", "apt-get install curl")
	file := s.file(t, "generic/app.tar.gz", bytes.Repeat([]byte("from the registry\n"), 1000))
	address := s.api("packages/generic/app/1.0.0/app.tar.gz", "", "")
	for _, c := range []struct{ place, flag, value string }{
		{"PRIVATE-TOKEN", "-H", "PRIVATE-TOKEN: %s"}, {"Bearer", "-H", "Authorization: Bearer %s"}, {"Basic", "-u", "ci:%s"},
	} {
		s.refused(t, []string{"create_package"}, s.home, nil, "curl", "--fail-with-body", "-sS", c.flag, fmt.Sprintf(c.value, s.reader), "-T", file, address)
		s.works(t, c.place, s.home, nil, "curl", "--fail-with-body", "-sS", c.flag, fmt.Sprintf(c.value, s.writer), "-T", file, address)
		s.works(t, c.place, s.home, nil, "curl", "--fail-with-body", "-sS", c.flag, fmt.Sprintf(c.value, s.reader), "-o", s.home+"/generic/got", address)
		holds(t, s.home+"/generic/got", "from the registry")
		s.refused(t, []string{"read_package"}, s.home, nil, "curl", "--fail-with-body", "-sS", c.flag, fmt.Sprintf(c.value, s.stranger), address)
	}
	t.Run("what wget and Python's requests show", func(t *testing.T) {
		needs(t, "wget", "apt-get install wget")
		s.refused(t, []string{"403 Forbidden: missing read_package"}, s.home, nil, "wget", "-O", "/dev/null", "--header",
			"PRIVATE-TOKEN: "+s.stranger, address)
		const python = "/usr/bin/python3"
		if err := exec.Command(python, "-c", "import requests").Run(); err != nil {
			missing(t, "requests is not here: apt-get install python3-requests")
		}
		s.refused(t, []string{"403 Client Error: Forbidden: missing read_package for url: " + address}, s.home, nil, python, "-c",
			"import requests, sys; requests.get(sys.argv[1], headers={'PRIVATE-TOKEN': sys.argv[2]}).raise_for_status()", address, s.stranger)
	})
	t.Run("HEAD", func(t *testing.T) {
		if file := send("HEAD", address, bearer(s.reader), nil); file.status != 200 || file.header.Get("Content-Length") != "18000" {
			t.Error(file.status, file.header)
		}
	})
}
