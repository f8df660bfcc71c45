package forgetest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// terraformState is a state with its lock.
type terraformState struct {
	content []byte
	lock    object
}

// serveState is Terraform's http backend (lib/api/terraform/state.rb): the state at its name, the lock below it.
func serveState(c *packageCall) answer {
	name, locking := strings.CutSuffix(c.rest, "/lock")
	s := c.s.states[name]
	if s == nil {
		s = &terraformState{}
		c.s.states[name] = s
	}
	id := c.r.URL.Query().Get("ID")
	switch {
	case locking && c.r.Method == http.MethodPost:
		var info object
		if err := json.Unmarshal(c.body, &info); err != nil || info["ID"] == nil {
			badRequest("ID is missing")
		}
		status := http.StatusOK
		if s.lock != nil {
			status = http.StatusConflict
		} else {
			s.lock = info
			s.lock["Who"] = c.user.username
		}
		body, _ := json.Marshal(s.lock)
		return answer{status: status, raw: body, contentType: "application/octet-stream"}
	case locking && c.r.Method == http.MethodDelete:
		var info object
		_ = json.Unmarshal(c.body, &info)
		if info["ID"] != nil {
			id, _ = info["ID"].(string)
		}
		if s.lock != nil && id != "" && s.lock["ID"] != id {
			return answer{status: http.StatusConflict, raw: []byte{}, contentType: "application/json"}
		}
		s.lock = nil
		return done()
	case c.r.Method == http.MethodPost:
		if s.lock != nil && s.lock["ID"] != id {
			return answer{status: http.StatusConflict, raw: []byte{}, contentType: "application/json"}
		}
		s.content = c.body
		return done()
	case c.r.Method == http.MethodDelete:
		delete(c.s.states, name)
		return done()
	case s.content == nil:
		return noContent()
	}
	return fileAnswer("application/octet-stream", s.content)
}

// uploadModule takes a Terraform module, and fetchModule gives it or says where it is (project_packages.rb).
func uploadModule(c *packageCall) answer {
	name, ok := strings.CutSuffix(c.rest, "/file")
	parts := strings.Split(name, "/")
	if !ok || len(parts) != 3 {
		notFound("")
	}
	content, _ := c.upload("file")
	c.s.modules[parts[0]+"/"+parts[1]] = append(c.s.modules[parts[0]+"/"+parts[1]], parts[2])
	c.s.files["terraform/"+name] = content
	return created(object{"message": "201 Created"})
}

func fetchModule(c *packageCall) answer {
	if c.r.URL.Query().Get("terraform-get") == "1" {
		return noContent().with("X-Terraform-Get", c.url("terraform/modules/"+c.rest)+"?archive=tgz")
	}
	return c.file("terraform/"+c.rest, "application/octet-stream")
}

// serveModules is a namespace's module registry (namespace_packages.rb). Downloads carry a token that acts as the caller's.
func (c *call) serveModules() answer {
	parts := strings.Split(c.path.text("rest"), "/")
	if len(parts) < 4 {
		notFound("")
	}
	g := c.f.world.groups[params{"id": parts[0]}.number("id")]
	if g == nil {
		g = c.f.world.groupByPath(parts[0])
	}
	last := parts[len(parts)-1]
	if last == "file" && len(parts) == 5 {
		c.moduleToken()
	}
	if g == nil || c.groupLevel(g) < Reporter {
		if c.user == nil {
			panic(halt{challenged()})
		}
		notFound("")
	}
	name := parts[1] + "/" + parts[2]
	for _, p := range c.f.world.projects {
		if p.group == 0 || !c.f.world.below(p.group, g.id) || p.store.modules[name] == nil {
			continue
		}
		switch {
		case last == "versions" && len(parts) == 4:
			var versions []object
			for _, v := range p.store.modules[name] {
				versions = append(versions, object{"version": v})
			}
			source := c.f.external + "/" + c.f.world.projectPath(p)
			return ok(object{"modules": []object{{"versions": versions, "source": source}}})
		case !slices.Contains(p.store.modules[name], parts[3]):
		case last == "download" && len(parts) == 5:
			path := "/api/v4/packages/terraform/modules/v1/" + strings.Join(parts[:4], "/")
			token := c.f.moduleJWT(c.token.id)
			return noContent().with("X-Terraform-Get", path+"/file?token="+token+"&archive=tgz")
		case last == "file" && len(parts) == 5:
			return fileAnswer("application/octet-stream", p.store.files["terraform/"+name+"/"+parts[3]])
		}
	}
	notFound("")
	return answer{}
}

// moduleJWT signs the id of a token, for five minutes (lib/gitlab/terraform_registry_token.rb).
func (f *Forge) moduleJWT(id int64) string {
	encode := func(v any) string { data, _ := json.Marshal(v); return base64.RawURLEncoding.EncodeToString(data) }
	signed := encode(object{"alg": "HS256", "typ": "JWT"}) + "." +
		encode(object{"token": id, "exp": f.now().Add(5 * time.Minute).Unix()})
	return signed + "." + base64.RawURLEncoding.EncodeToString(signModule(signed))
}

func signModule(text string) []byte {
	mac := hmac.New(sha256.New, []byte("the forge's own key"))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// moduleToken finds out who calls by the query's token alone.
func (c *call) moduleToken() {
	c.user, c.token = nil, nil
	text := c.r.URL.Query().Get("token")
	c.rec.mu.Lock()
	c.rec.Credential, c.rec.Secret, c.rec.User = "token", text, ""
	c.rec.mu.Unlock()
	i := strings.LastIndexByte(text, '.')
	if i < 0 || base64.RawURLEncoding.EncodeToString(signModule(text[:i])) != text[i+1:] {
		panic(halt{challenged()})
	}
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	var claims struct{ Token, Exp int64 }
	if json.Unmarshal(payload, &claims) != nil || c.f.now().Unix() > claims.Exp {
		panic(halt{challenged()})
	}
	for _, t := range c.f.world.tokens {
		if t.id == claims.Token && !t.revoked {
			c.token, c.user = t, c.f.world.users[t.user]
			c.rec.mu.Lock()
			c.rec.User = c.user.username
			c.rec.mu.Unlock()
			return
		}
	}
	panic(halt{challenged()})
}
