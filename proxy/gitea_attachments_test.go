package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

// The files of the tests.
const (
	fileUUID  = "0b9b8f1c-3c8e-4d7b-9a55-5d9a5bb0c001"
	otherUUID = "0b9b8f1c-3c8e-4d7b-9a55-5d9a5bb0c002" // of a repository out of reach, which the owner sees
)

// attachmentStage is a gateway in front of a forge that shows files by their UUID, and serves each to the owner whatever path it is
// asked for at, as Gitea does (1.26, routers/web/repo/attachment.go).
type attachmentStage struct {
	*gateway
	forge string
	heard atomic.Int32
	last  atomic.Pointer[http.Request]
	shown atomic.Pointer[string] // in the place of the answer
}

// asset is what Gitea says of a file.
func asset(uuid, address string) string {
	return `{"id":1,"name":"a.txt","size":3,"uuid":"` + uuid + `","browser_download_url":"` + address + `"}`
}

func newAttachmentStage(t *testing.T, public string) *attachmentStage {
	t.Helper()
	s := &attachmentStage{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.heard.Add(1)
		s.last.Store(r)
		if uuid, isFile := strings.CutPrefix(r.URL.Path, "/acme/app/attachments/"); isFile {
			_, _ = io.WriteString(w, "content of "+uuid)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", `"of the forge's"`)
		if shown := s.shown.Load(); shown != nil {
			_, _ = io.WriteString(w, *shown)
			return
		}
		_, _ = io.WriteString(w, asset(fileUUID, s.forge+"/attachments/"+fileUUID))
	}))
	t.Cleanup(server.Close)
	s.forge = server.URL
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	if public == "the forge's" {
		public = s.forge
	}
	s.gateway = newGateway(t, server.URL, func(o *Options) {
		o.Forge, o.Resolver, o.Table, o.PublicURL = routes.ForgeGitea, giteaResolver{}, func() *routes.Table { return table }, public
	})
	s.table = table
	return s
}

// address asks a row for a file and gives where the answer says that it is, behind public.
func (s *attachmentStage) address(t *testing.T, token, public, path string) string {
	t.Helper()
	status, header, body := s.send(t, "GET", "/api/v1/repos/"+path, "", map[string]string{"Authorization": "token " + token})
	_, address, found := strings.Cut(body, `"browser_download_url":"`+public)
	address, _, _ = strings.Cut(address, `"`)
	if status != 200 || !found || header.Get("ETag") != "" {
		t.Fatalf("%s: %d %v %s", path, status, header, body)
	}
	return address
}

// may makes a token for the repository 7, acme/app, or for the organization acme.
func (s *attachmentStage) may(t *testing.T, permissions ...string) string {
	return s.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7, 9}, Permissions: permissions})
}

// get asks for a file with the token.
func (s *attachmentStage) get(t *testing.T, token, target string) (status int, body string) {
	t.Helper()
	header := map[string]string{}
	if token != "" {
		header["Authorization"] = "token " + token
	}
	status, _, body = s.send(t, "GET", target, "", header)
	return status, body
}

// TestAttachmentsAreReached: the address of an answer leads to the file, which is asked for under the repository that was checked.
func TestAttachmentsAreReached(t *testing.T) {
	for _, public := range []string{"https://patgate.test", "https://patgate.test/git", "the forge's"} {
		s := newAttachmentStage(t, public)
		base := public
		if public == "the forge's" {
			base = s.forge
		}
		token := s.may(t, "read_release", "read_release_asset", "read_work_item")
		for path, folder := range map[string]string{
			"acme/app/releases/1/assets/1": "releases", "acme/app/releases/tags/v1": "releases", "acme/app/issues/1/assets/1": "issues",
			"acme/app/issues/1": "issues", "acme/app/issues/comments/1/assets": "issues", "old/app/issues": "issues",
		} {
			address := s.address(t, token, base, path)
			if !strings.HasPrefix(address, "/acme/app/"+folder+"/attachments/"+fileUUID+"?ticket=pgf.") {
				t.Errorf("%s: %s", path, address)
			}
			for _, method := range []string{"GET", "HEAD"} {
				before := s.heard.Load()
				status, _, body := s.send(t, method, address, "", map[string]string{"Authorization": "Bearer " + token})
				if status != 200 || method == "GET" && body != "content of "+fileUUID {
					t.Errorf("%s, %s: %d %s", path, method, status, body)
				}
				last := s.last.Load()
				if last.RequestURI != "/acme/app/attachments/"+fileUUID || last.Method != method || s.heard.Load() != before+1 {
					t.Errorf("%s: the forge was asked %s %s", path, last.Method, last.RequestURI)
				}
				if name, credential, basic := last.BasicAuth(); !basic || name == "" || credential != ownerCredential {
					t.Errorf("%s: with %v", path, last.Header)
				}
			}
		}
	}
}

// TestThreatAttachmentOfAnotherRepository: the forge gives the owner every file by its UUID. A token gets none but what an answer
// about a repository that it reaches has shown to that same token, in that repository, with the permission for such files.
func TestThreatAttachmentOfAnotherRepository(t *testing.T) {
	const public = "https://patgate.test"
	s := newAttachmentStage(t, public)
	token := s.may(t, "read_release", "read_release_asset", "read_work_item")
	address := s.address(t, token, public, "acme/app/releases/1/assets/1")
	issue := s.address(t, token, public, "acme/app/issues/1")
	path, ticket, _ := strings.Cut(address, "?")
	if status, body := s.get(t, token, address); status != 200 {
		t.Fatalf("the control: %d %s", status, body)
	}
	before := s.heard.Load()
	for name, c := range map[string]struct {
		token, target string
		status        int
	}{
		"no ticket":                 {token, path, 403},
		"an empty one":              {token, path + "?ticket=", 403},
		"one that was made up":      {token, path + "?ticket=pgf.AAAA", 403},
		"one that was changed":      {token, address[:len(address)-1] + string('A'+(address[len(address)-1]-'A'+1)%2), 403},
		"another file":              {token, strings.Replace(address, fileUUID, otherUUID, 1), 403},
		"another repository":        {token, strings.Replace(address, "/acme/app/", "/acme/search/", 1), 403},
		"one out of reach":          {token, strings.Replace(address, "/acme/app/", "/umbra/app/", 1), 403},
		"an issue's as a release's": {token, strings.Replace(issue, "/issues/", "/releases/", 1), 403},
		"a release's as an issue's": {token, strings.Replace(address, "/releases/", "/issues/", 1), 403},
		"another token":             {s.may(t, "read_release_asset"), address, 403},
		"without the permission":    {s.may(t, "read_work_item"), address, 403},
		"no token":                  {"", address, 401},
		"two tickets":               {token, path + "?" + ticket + "&" + ticket, 400},
		"an encoded one":            {token, strings.Replace(address, "pgf.", "pgf%2e", 1), 400},
		"a token besides":           {token, address + "&token=x", 400},
		"a capital letter":          {token, strings.Replace(address, "0b9b8f1c", "0B9b8f1c", 1), 403},
		"a path below it":           {token, strings.Replace(address, "?", "/x?", 1), 403},
		"the forge's own address":   {token, "/attachments/" + fileUUID + "?" + ticket, 403},
		"the path that is sent":     {token, "/acme/app/attachments/" + fileUUID + "?" + ticket, 403},
		"the ticket as a token":     {strings.TrimPrefix(ticket, "ticket="), address, 401},
	} {
		if status, body := s.get(t, c.token, c.target); status != c.status || strings.Contains(body, "content") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if after := s.heard.Load(); after != before {
		t.Errorf("the forge was asked %d times", after-before)
	}
}

// TestThreatAttachmentInAnAnswer: what an answer says becomes a ticket only where the forge alone can have said it, of the repository
// that was asked about.
func TestThreatAttachmentInAnAnswer(t *testing.T) {
	const public = "https://patgate.test"
	s := newAttachmentStage(t, public)
	token := s.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3}, Permissions: []string{"read_release",
		"read_release_asset", "read_work_item"}})
	own := s.forge + "/attachments/" + fileUUID
	for name, c := range map[string]struct {
		path, shown string
		want        bool
	}{
		"the control":                          {"acme/app/releases/1", `{"assets":[` + asset(fileUUID, own) + `]}`, true},
		"escaped":                              {"acme/app/issues/1", asset(fileUUID, strings.ReplaceAll(own, "/", `\/`)), true},
		"an address that somebody has written": {"acme/app/releases/1", asset(otherUUID, own), false},
		"the UUID of the object around it": {"acme/app/releases/1", `{"uuid":"` + fileUUID + `","a":{"browser_download_url":"` + own + `"}}`,
			false},
		"the UUID of an object inside of it": {"acme/app/releases/1", `{"a":{"uuid":"` + fileUUID + `"},"browser_download_url":"` + own + `"}`,
			false},
		"of the one before":           {"acme/app/releases/1", `[` + asset(fileUUID, "x") + `,{"browser_download_url":"` + own + `"}]`, false},
		"no UUID":                     {"acme/app/releases/1", asset("../../x", s.forge+"/attachments/../../x"), false},
		"something behind it":         {"acme/app/releases/1", asset(fileUUID, own+"/x"), false},
		"another host":                {"acme/app/releases/1", asset(fileUUID, "https://evil.example/attachments/"+fileUUID), false},
		"a user's name in it":         {"acme/app/releases/1", asset(fileUUID, strings.Replace(own, "//", "//x@", 1)), false},
		"another key":                 {"acme/app/releases/1", `{"uuid":"` + fileUUID + `","url":"` + own + `"}`, false},
		"tracked times":               {"acme/app/issues/1/times", `[{"issue":{"assets":[` + asset(fileUUID, own) + `]}}]`, false},
		"dependencies, of others too": {"acme/app/issues/1/dependencies", `[{"assets":[` + asset(fileUUID, own) + `]}]`, false},
	} {
		s.shown.Store(&c.shown)
		status, body := s.get(t, token, "/api/v1/repos/"+c.path)
		if status != 200 || strings.Contains(body, "ticket=") != c.want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	shown := asset(fileUUID, own)
	s.shown.Store(&shown)
	if status, body := s.get(t, giteaOwnToken, "/api/v1/repos/acme/app/releases/1"); status != 200 || body != shown {
		t.Errorf("to a token of the forge's own: %d %s", status, body)
	}
	nameless := newAttachmentStage(t, "")
	_, body := nameless.get(t, nameless.may(t, "read_release_asset"), "/api/v1/repos/acme/app/releases/1/assets/1")
	if body != asset(fileUUID, nameless.forge+"/attachments/"+fileUUID) {
		t.Errorf("without public_url, which would say where patgate is: %s", body)
	}
}

// giteaOwnToken is a token as Gitea makes them.
const giteaOwnToken = "0123456789abcdef0123456789abcdef01234567"

// TestAttachmentRefusalsSayWhatToDo: whoever follows an address without a ticket is told where one is to be had.
func TestAttachmentRefusalsSayWhatToDo(t *testing.T) {
	s := newAttachmentStage(t, "https://patgate.test")
	token := s.may(t, "read_release_asset")
	for _, path := range []string{"/attachments/%s", "/acme/app/attachments/%s", "/acme/app/releases/attachments/%s"} {
		status, body := s.get(t, token, fmt.Sprintf(path, fileUUID))
		if status != 403 || !strings.Contains(body, "browser_download_url") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
