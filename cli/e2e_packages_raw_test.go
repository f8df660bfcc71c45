package cli_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// basic and the like write a token where a client has it.
func basic(token string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("ci:"+token))}}
}
func bearer(token string) http.Header   { return http.Header{"Authorization": {"Bearer " + token}} }
func nugetKey(token string) http.Header { return http.Header{"X-Nuget-Apikey": {token}} }
func private(token string) http.Header  { return http.Header{"Private-Token": {token}} }

// said makes one request as a client would, and looks at its tracks when it came through.
func (s *packageStage) said(t *testing.T, status int, place string, header http.Header, method, target, contentType string, body []byte) string {
	t.Helper()
	s.world.forge.ForgetRequests()
	if contentType != "" {
		header = header.Clone()
		header.Set("Content-Type", contentType)
	}
	if !strings.Contains(target, "://") {
		target = s.api(target, "", "")
	}
	a := send(method, target, header, body)
	if a.err != nil || a.status != status {
		t.Fatalf("%s %s: %d %v, want %d: %s\n%s", method, target, a.status, a.err, status, a.body, s.lastLines(2))
	}
	switch {
	case status == http.StatusForbidden, status == http.StatusBadRequest:
		if n := len(s.packageRequests()); n > 0 {
			t.Errorf("%d requests reached the forge", n)
		}
		if status == http.StatusForbidden && header.Get("X-Nuget-Apikey") != "" && !strings.Contains(a.header.Get("X-NuGet-Warning"), "create_package") {
			t.Errorf("NuGet would not show why: %v", a.header)
		}
	default:
		s.tracks(t, place)
	}
	return a.body
}

// form makes a multipart body with one file.
func form(field, name string, content []byte) (contentType string, body []byte) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, _ := w.CreateFormFile(field, name)
	_, _ = part.Write(content)
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

// follows makes sure that a client that follows the addresses in a text comes back to patgate, and gives one of them.
func (s *packageStage) follows(t *testing.T, text, end string) string {
	t.Helper()
	origin := "http://" + s.wire.address
	rest := text
	for {
		i := strings.Index(rest, origin+"/")
		if i < 0 {
			t.Fatalf("no address of patgate that ends in %q is in %s", end, text)
		}
		address := rest[i:]
		if j := strings.IndexAny(address, "\"'<> \n"); j >= 0 {
			address = address[:j]
		}
		if strings.HasSuffix(address, end) {
			return address
		}
		rest = rest[i+len(origin):]
	}
}

// TestPackageClientsInTheirForm makes the requests of clients that are not here, in the form in which they make them.
func TestPackageClientsInTheirForm(t *testing.T) {
	s := startPackages(t)
	t.Run("NuGet", func(t *testing.T) { nuget(t, s) })
	t.Run("Helm", func(t *testing.T) { helm(t, s) })
	t.Run("Cargo", func(t *testing.T) { cargo(t, s) })
	t.Run("Debian", func(t *testing.T) { debian(t, s) })
	t.Run("RPM", func(t *testing.T) { rpm(t, s) })
	t.Run("Terraform's state", func(t *testing.T) { terraformState(t, s) })
	t.Run("Terraform's modules", func(t *testing.T) { terraformModules(t, s) })
	t.Run("two credentials", func(t *testing.T) {
		both := basic(s.writer)
		both.Set("X-Nuget-Apikey", s.reader)
		if text := s.said(t, 400, "", both, "PUT", "packages/nuget", "", nil); !strings.Contains(text, "several_credentials") {
			t.Error(text)
		}
	})
}

func nupkg(id, version string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, _ := w.Create(id + ".nuspec")
	fmt.Fprintf(f, `<package><metadata><id>%s</id><version>%s</version></metadata></package>`, id, version)
	_ = w.Close()
	return b.Bytes()
}

func nuget(t *testing.T, s *packageStage) {
	index := s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/nuget/index.json", "", nil)
	publish := s.follows(t, index, "/packages/nuget")
	kind, body := form("package", "package.nupkg", nupkg("Shop.Lib", "1.0.0"))
	s.said(t, 403, "", nugetKey(s.reader), "PUT", publish, kind, body)
	s.said(t, 201, "X-NuGet-ApiKey", nugetKey(s.writer), "PUT", publish, kind, body)
	kind, body = form("package", "package.nupkg", nupkg("Shop.Lib", "1.1.0"))
	s.said(t, 201, "Basic", basic(s.writer), "PUT", publish+"/", kind, body) // the client adds the slash
	kind, body = form("package", "package.nupkg", nupkg("Shop.Old", "1.0.0"))
	s.said(t, 201, "X-NuGet-ApiKey", nugetKey(s.writer), "PUT", "packages/nuget/v2/", kind, body)
	twice := basic(s.writer) // as the source's password, and as --api-key
	twice.Set("X-Nuget-Apikey", s.writer)
	kind, body = form("package", "package.nupkg", nupkg("Shop.Twice", "1.0.0"))
	s.said(t, 201, "Basic", twice, "PUT", publish, kind, body)

	versions := s.said(t, 200, "Basic", basic(s.reader), "GET", s.follows(t, index, "/packages/nuget/download")+"/shop.lib/index.json", "", nil)
	if !strings.Contains(versions, `"1.0.0"`) {
		t.Error(versions)
	}
	metadata := s.said(t, 200, "Basic", basic(s.reader), "GET", s.follows(t, index, "/packages/nuget/metadata")+"/shop.lib/index.json", "", nil)
	if got := s.said(t, 200, "Basic", basic(s.reader), "GET", s.follows(t, metadata, ".nupkg"), "", nil); !strings.HasPrefix(got, "PK") {
		t.Errorf("%d bytes", len(got))
	}
	s.said(t, 200, "Basic", basic(s.reader), "GET", s.follows(t, metadata, "1.0.0.json"), "", nil)
	found := s.said(t, 200, "Basic", basic(s.reader), "GET", s.follows(t, index, "/packages/nuget/query")+"?q=shop&skip=0&take=20&prerelease=false&semVerLevel=2.0.0", "", nil)
	s.follows(t, found, ".json")
	s.said(t, 403, "", basic(s.stranger), "GET", "packages/nuget/query?q=shop", "", nil)
	s.said(t, 403, "", basic(s.stranger), "GET", "packages/nuget/metadata/shop.lib/index.json", "", nil)

	service := s.said(t, 200, "", basic(s.reader), "GET", "packages/nuget/v2", "", nil)
	s.follows(t, service, "/packages/nuget/v2")
	feed := s.said(t, 200, "", basic(s.reader), "GET", "packages/nuget/v2/FindPackagesById()?id='Shop.Lib'&semVerLevel=2.0.0", "", nil)
	s.said(t, 200, "Basic", basic(s.reader), "GET", s.follows(t, feed, ".nupkg"), "", nil)

	remover := s.mint(t, "--name", "remover", "--project", "shop/backend/api", "--allow", "delete_package")
	s.said(t, 403, "", basic(s.writer), "DELETE", "packages/nuget/Shop.Lib/1.1.0", "", nil)
	s.said(t, 204, "X-NuGet-ApiKey", nugetKey(remover), "DELETE", "packages/nuget/Shop.Lib/1.1.0", "", nil)
}

// chartOf gives a chart with a home.
func chartOf(home string) *bytes.Buffer {
	b := &bytes.Buffer{}
	zipped := gzip.NewWriter(b)
	w := tar.NewWriter(zipped)
	text := "apiVersion: v2\nname: app\nversion: 1.0.0\nhome: " + home + "\n"
	_ = w.WriteHeader(&tar.Header{Name: "app/Chart.yaml", Mode: 0o644, Size: int64(len(text))})
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	_ = zipped.Close()
	return b
}

func helm(t *testing.T, s *packageStage) {
	b := chartOf(s.world.url + "/shop/backend/api")
	kind, body := form("chart", "app-1.0.0.tgz", b.Bytes())
	s.said(t, 403, "", basic(s.reader), "POST", "packages/helm/api/stable/charts", kind, body)
	s.said(t, 201, "Basic", basic(s.writer), "POST", "packages/helm/api/stable/charts", kind, body)
	index := s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/helm/stable/index.yaml", "", nil)
	if !strings.Contains(index, "home: http://"+s.wire.address+"/shop/backend/api") || !strings.Contains(index, "- charts/app-1.0.0.tgz") {
		t.Error(index)
	}
	if got := s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/helm/stable/charts/app-1.0.0.tgz", "", nil); got != b.String() {
		t.Errorf("%d bytes, want %d", len(got), b.Len())
	}
	s.said(t, 403, "", basic(s.stranger), "GET", "packages/helm/stable/index.yaml", "", nil)
	s.said(t, 200, "Basic", private(s.reader), "GET", "packages/helm/stable/index.yaml", "", nil) // GitLab reads no header here
}

func cargo(t *testing.T, s *packageStage) {
	manifest := []byte(`{"name":"shoplib","vers":"1.0.0","deps":[],"features":{},"authors":[]}`)
	crate := []byte("the crate")
	var body []byte
	for _, part := range [][]byte{manifest, crate} {
		body = append(binary.LittleEndian.AppendUint32(body, uint32(len(part))), part...)
	}
	config := s.said(t, 200, "Bearer", bearer(s.reader), "GET", "packages/cargo/config.json", "", nil)
	var c struct{ DL, API string }
	if err := json.Unmarshal([]byte(config), &c); err != nil || !strings.HasPrefix(c.DL, "http://"+s.wire.address+"/api/v4/") {
		t.Fatal(config)
	}
	s.said(t, 403, "", bearer(s.reader), "PUT", c.API+"/api/v1/crates/new", "", body)
	s.said(t, 200, "Bearer", bearer(s.writer), "PUT", c.API+"/api/v1/crates/new", "", body)
	if line := s.said(t, 200, "Bearer", bearer(s.reader), "GET", "packages/cargo/sh/op/shoplib", "", nil); !strings.Contains(line, `"vers":"1.0.0"`) {
		t.Error(line)
	}
	if got := s.said(t, 200, "Bearer", bearer(s.reader), "GET", c.DL+"/shoplib/1.0.0/download", "", nil); got != string(crate) {
		t.Error(got)
	}
	s.said(t, 403, "", bearer(s.stranger), "GET", "packages/cargo/sh/op/shoplib", "", nil)
	s.said(t, 200, "Bearer", http.Header{"Authorization": {s.reader}}, "GET", "packages/cargo/config.json", "", nil) // a token without its scheme
}

func debian(t *testing.T, s *packageStage) {
	const upload = "packages/debian/app_1.0_amd64.deb?distribution=sid&component=main"
	s.said(t, 403, "", basic(s.reader), "PUT", upload, "", []byte("!<arch>\n"))
	s.said(t, 201, "Basic", basic(s.writer), "PUT", upload, "", []byte("!<arch>\n"))
	s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/debian/dists/sid/Release", "", nil)
	list := s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/debian/dists/sid/main/binary-amd64/Packages", "", nil)
	_, file, _ := strings.Cut(list, "Filename: ")
	file, _, _ = strings.Cut(file, "\n")
	if got := s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/debian/"+file, "", nil); got != "!<arch>\n" {
		t.Errorf("%q of %q", got, list)
	}
	s.said(t, 403, "", basic(s.stranger), "GET", "packages/debian/dists/sid/Release", "", nil)
}

func rpm(t *testing.T, s *packageStage) {
	s.said(t, 403, "", basic(s.reader), "POST", "packages/rpm", "", []byte("\xed\xab\xee\xdb"))
	s.said(t, 201, "Basic", basic(s.writer), "POST", "packages/rpm", "", []byte("\xed\xab\xee\xdb"))
	s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/rpm/repodata/repomd.xml", "", nil)
	primary := s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/rpm/repodata/primary.xml", "", nil)
	_, file, _ := strings.Cut(primary, `href="`)
	file, _, _ = strings.Cut(file, `"`)
	s.said(t, 200, "Basic", basic(s.reader), "GET", "packages/rpm/"+file, "", nil)
	s.said(t, 403, "", basic(s.stranger), "GET", "packages/rpm/"+file, "", nil)
}

// terraformState is the conversation of Terraform's http backend.
func terraformState(t *testing.T, s *packageStage) {
	const state, lock = "terraform/state/production", "terraform/state/production/lock"
	planner := s.mint(t, "--name", "plan", "--project", "shop/backend/api", "--allow", "read_terraform_state")
	applier := s.mint(t, "--name", "apply", "--project", "shop/backend/api", "--allow", "read_terraform_state,create_terraform_state,lock_terraform_state")
	info := func(id string) []byte {
		return []byte(`{"ID":"` + id + `","Operation":"OperationTypeApply","Info":"","Who":"ci@runner","Version":"1.9.0","Created":"2026-01-02T03:04:05.678901Z","Path":""}`)
	}
	content := []byte(`{"version":4,"serial":1,"lineage":"x","outputs":{},"resources":[]}`)
	const mine, theirs = "0a1b2c3d-0000-0000-0000-000000000001", "0a1b2c3d-0000-0000-0000-000000000002"

	s.said(t, 403, "", basic(planner), "POST", lock, "application/json", info(mine))
	s.said(t, 200, "Basic", basic(applier), "POST", lock, "application/json", info(mine))
	if held := s.said(t, 409, "Basic", basic(applier), "POST", lock, "application/json", info(theirs)); !strings.Contains(held, mine) {
		t.Error("Terraform cannot show who holds the lock:", held)
	}
	s.said(t, 204, "Basic", basic(applier), "GET", state, "", nil)
	s.said(t, 403, "", basic(planner), "POST", state+"?ID="+mine, "application/json", content)
	s.said(t, 409, "Basic", basic(applier), "POST", state+"?ID="+theirs, "application/json", content)
	s.said(t, 200, "Basic", basic(applier), "POST", state+"?ID="+mine, "application/json", content)
	s.said(t, 403, "", basic(planner), "DELETE", lock, "application/json", info(mine))
	s.said(t, 200, "Basic", basic(applier), "DELETE", lock, "application/json", info(mine))
	if got := s.said(t, 200, "PRIVATE-TOKEN", private(planner), "GET", state, "", nil); got != string(content) {
		t.Error(got)
	}
	s.said(t, 403, "", basic(s.stranger), "GET", state, "", nil)
	s.said(t, 403, "", basic(applier), "DELETE", state, "", nil)
}

func terraformModules(t *testing.T, s *packageStage) {
	const module = "packages/terraform/modules/network/aws"
	s.said(t, 403, "", private(s.reader), "PUT", module+"/1.0.0/file", "", []byte("\x1f\x8bmodule"))
	s.said(t, 201, "PRIVATE-TOKEN", private(s.writer), "PUT", module+"/1.0.0/file", "", []byte("\x1f\x8bmodule"))
	if got := s.said(t, 200, "Basic", basic(s.reader), "GET", module+"/1.0.0", "", nil); got != "\x1f\x8bmodule" {
		t.Errorf("%q", got)
	}
	s.said(t, 403, "", basic(s.stranger), "GET", module+"/1.0.0", "", nil)
	a := send("GET", s.api(module+"/1.0.0?terraform-get=1", "", ""), basic(s.reader), nil)
	if got, want := a.header.Get("X-Terraform-Get"), s.api(module+"/1.0.0?archive=tgz", "", ""); a.status != 204 || got != want {
		t.Errorf("%d, X-Terraform-Get: %s, want %s", a.status, got, want)
	}
	t.Run("through the registry of the group", func(t *testing.T) { terraformRegistry(t, s) })
}

// terraformRegistry is the conversation of Terraform's module installer. GitLab names the file with a token that acts as
// the owner's: the client holds a sealed one.
func terraformRegistry(t *testing.T, s *packageStage) {
	reader := s.mint(t, "--name", "terraform init", "--group", "shop", "--allow", "read_package")
	origin := "http://" + s.wire.address
	discovery := send("GET", origin+"/.well-known/terraform.json", bearer(reader), nil)
	var services struct {
		Modules string `json:"modules.v1"`
	}
	if err := json.Unmarshal([]byte(discovery.body), &services); err != nil || services.Modules != "/api/v4/packages/terraform/modules/v1/" {
		t.Fatal(discovery.status, discovery.body)
	}
	registry := origin + services.Modules + "shop/network/aws/"
	if versions := s.said(t, 200, "Bearer", bearer(reader), "GET", registry+"versions", "", nil); !strings.Contains(versions, `"1.0.0"`) || !strings.Contains(versions, origin) {
		t.Error(versions)
	}
	s.said(t, 403, "", bearer(s.stranger), "GET", registry+"1.0.0/download", "", nil)
	s.said(t, 403, "", bearer(s.reader), "GET", registry+"1.0.0/download", "", nil) // of a project, not of the group
	a := send("GET", registry+"1.0.0/download", bearer(reader), nil)
	named := a.header.Get("X-Terraform-Get")
	if a.status != 204 || !strings.HasPrefix(named, services.Modules) || !strings.Contains(named, "token=pgt.") {
		t.Fatal(a.status, named, a.body)
	}
	file := origin + strings.Replace(named, "archive=tgz&", "", 1)
	if got := s.said(t, 200, "", http.Header{}, "GET", file, "", nil); got != "\x1f\x8bmodule" {
		t.Errorf("%q", got)
	}
	sent := s.packageRequests()[0]
	_, jwt, _ := strings.Cut(sent.Target, "token=")
	if sent.Credential != "token" || len(carried(sent.Header)) > 0 || strings.Count(jwt, ".") != 2 {
		t.Errorf("the forge got %s with %v", sent.Target, sent.Header)
	}
	for name, text := range map[string]string{"the forge's token": jwt, "what it signed": strings.Split(jwt, ".")[1]} {
		if strings.Contains(fmt.Sprint(a.header, a.body), text) {
			t.Errorf("%s came back: %v", name, a.header)
		}
	}
	for name, try := range map[string]struct {
		header http.Header
		target string
		status int
	}{
		"with a credential besides":   {bearer(reader), file, 400},
		"on another row":              {http.Header{}, strings.Replace(file, "/file?", "/download?", 1), 401},
		"on a row of the REST API":    {http.Header{}, origin + fmt.Sprintf("/api/v4/projects/%d?", s.world.api) + file[strings.Index(file, "token="):], 401},
		"changed":                     {http.Header{}, file + "x", 401},
		"with a second token":         {http.Header{}, file + "&token=x", 400},
		"the token itself":            {bearer(reader), strings.Split(file, "?")[0], 403},
		"with a parameter that stays": {http.Header{}, file + "&private_token=x", 400},
	} {
		if a := send("GET", try.target, try.header, nil); a.status != try.status {
			t.Errorf("%s: %d, want %d: %s", name, a.status, try.status, a.body)
		}
	}
	made := s.mint(t, "--name", "revoked", "--group", "shop", "--allow", "read_package")
	named = send("GET", registry+"1.0.0/download", bearer(made), nil).header.Get("X-Terraform-Get")
	if a := send("DELETE", origin+"/api/v4/personal_access_tokens/self", bearer(made), nil); a.status != 204 {
		t.Fatal(a.status, a.body)
	}
	if a := send("GET", origin+named, http.Header{}, nil); a.status != 401 {
		t.Errorf("an address outlives its token: %d %s", a.status, a.body)
	}
}
