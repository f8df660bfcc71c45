package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"

	"patgate/forge/forgetest"
)

// world is the stand-in forge of one script: alice is a maintainer of the group shop (with backend/api and
// my.web-site) and of secret/plans; bob is a member of nothing.
type world struct {
	forge    *forgetest.Forge
	server   *http.Server
	url      string
	alicePAT string
	bobPAT   string

	alice, bob, shop, backend, secret int64
	api, web, plans                   int64
}

// issuesOfAPI is how many issues shop/backend/api has: three pages of twenty.
const issuesOfAPI = 45

func newWorld() (*world, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &world{url: "http://" + listener.Addr().String()}
	w.forge = forgetest.New(forgetest.Options{ExternalURL: w.url})
	w.server = &http.Server{Handler: w.forge}
	go func() { _ = w.server.Serve(listener) }()

	alice, bob := w.forge.AddUser("alice"), w.forge.AddUser("bob")
	w.alice, w.bob = alice, bob
	w.alicePAT = w.forge.AddToken(alice, forgetest.Token{Name: "for patgate"})
	w.bobPAT = w.forge.AddToken(bob, forgetest.Token{Name: "bob's own"})
	w.shop = w.forge.AddGroup("shop", forgetest.Private)
	w.backend = w.forge.AddGroup("shop/backend", forgetest.Private)
	w.secret = w.forge.AddGroup("secret", forgetest.Private)
	w.api = w.forge.AddProject("shop/backend/api", forgetest.Private)
	w.web = w.forge.AddProject("shop/my.web-site", forgetest.Private)
	w.plans = w.forge.AddProject("secret/plans", forgetest.Private)
	w.forge.AddGroupMember(w.shop, alice, forgetest.Maintainer)
	w.forge.AddGroupMember(w.secret, alice, forgetest.Maintainer)
	for i := range issuesOfAPI {
		if err := w.post(fmt.Sprintf("/projects/%d/issues", w.api), map[string]any{"title": fmt.Sprintf("Issue %d", i+1)}); err != nil {
			return nil, err
		}
	}
	w.forge.ForgetRequests()
	return w, nil
}

// post writes to the forge directly, as alice.
func (w *world) post(path string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, w.url+"/api/v4"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("PRIVATE-TOKEN", w.alicePAT)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %s: %s", path, response.Status, answer)
	}
	return nil
}

func (w *world) close() { _ = w.server.Close() }

// readOnlyPAT makes another forge token of alice's, which may only read.
func (w *world) readOnlyPAT() string {
	return w.forge.AddToken(w.alice, forgetest.Token{Name: "weak", Scopes: []string{"read_api"}})
}
