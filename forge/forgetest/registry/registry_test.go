package registry_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"patgate/forge/forgetest"
	"patgate/forge/forgetest/registry"
)

// An image goes in and out with a token of the forge's for it, and with nothing else.
func TestRegistry(t *testing.T) {
	standIn, world := forgetest.NewDemo(forgetest.Options{})
	certificate, err := standIn.ServeRegistryTokens()
	if err != nil {
		t.Fatal(err)
	}
	images, err := registry.New("http://forge.example.com/jwt/auth", certificate)
	if err != nil {
		t.Fatal(err)
	}
	token := func(scope string) string {
		request := httptest.NewRequest("GET", "/jwt/auth?service=container_registry&scope="+scope, nil)
		request.SetBasicAuth(world.Username, world.Secret)
		answer := httptest.NewRecorder()
		standIn.ServeHTTP(answer, request)
		var signed struct{ Token string }
		if err := json.Unmarshal(answer.Body.Bytes(), &signed); err != nil || signed.Token == "" {
			t.Fatalf("%v: %s", err, answer.Body)
		}
		return signed.Token
	}
	const image = "acme/website/web"
	push, pull := token("repository:"+image+":push,pull"), token("repository:"+image+":pull")
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("layer")))
	send := func(token, method, target, body string, status int) *httptest.ResponseRecorder {
		t.Helper()
		request := httptest.NewRequest(method, target, strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		images.ServeHTTP(answer, request)
		if answer.Code != status {
			t.Errorf("%s %s: %d, wanted %d: %s", method, target, answer.Code, status, answer.Body)
		}
		return answer
	}
	uploads := "/v2/" + image + "/blobs/uploads/"
	if challenge := send("", "GET", "/v2/", "", http.StatusUnauthorized).Header().Get("WWW-Authenticate"); challenge !=
		`Bearer realm="http://forge.example.com/jwt/auth",service="container_registry"` {
		t.Error(challenge)
	}
	head, rest, _ := strings.Cut(push, ".")
	_, signature, _ := strings.Cut(rest, ".")
	_, forged, _ := strings.Cut(token("repository:acme/website:push"), ".")
	forged, _, _ = strings.Cut(forged, ".")
	send(head+"."+forged+"."+signature, "POST", uploads, "", http.StatusUnauthorized)
	send(pull, "POST", uploads, "", http.StatusUnauthorized)
	send(token("repository:acme/website:push"), "POST", uploads, "", http.StatusUnauthorized)
	place := send(push, "POST", uploads, "", http.StatusAccepted).Header().Get("Location")
	send(push, "PATCH", place, "lay", http.StatusAccepted)
	send(push, "PUT", place+"0?digest="+digest, "er", http.StatusNotFound)
	send(push, "PUT", place+"?digest="+digest, "er", http.StatusCreated)
	wrong := send(push, "POST", uploads, "", http.StatusAccepted).Header().Get("Location")
	send(push, "PUT", wrong+"?digest="+digest, "other", http.StatusBadRequest)
	if got := send(pull, "GET", "/v2/"+image+"/blobs/"+digest, "", http.StatusOK).Body.String(); got != "layer" {
		t.Error(got)
	}
	send(pull, "GET", "/v2/"+image+"/tags/list", "", http.StatusNotFound)
	send(push, "PUT", "/v2/"+image+"/manifests/v1", "{}", http.StatusCreated)
	send(pull, "HEAD", "/v2/"+image+"/manifests/v2", "", http.StatusNotFound)
	if got := send(pull, "GET", "/v2/"+image+"/manifests/v1", "", http.StatusOK).Body.String(); got != "{}" {
		t.Error(got)
	}
	tags := send(pull, "GET", "/v2/"+image+"/tags/list", "", http.StatusOK).Body.String()
	if tags != `{"name":"`+image+`","tags":["v1"]}` {
		t.Error(tags)
	}
}
