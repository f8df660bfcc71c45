package forgetest

import "net/http"

// packageRoutes are the endpoints of the package families, each with the places in which GitLab 19.3 looks for its
// credential. They take what is behind the family's name whole.
func packageRoutes() []route {
	var all []route
	add := func(pattern string, at locators, basic bool, methods map[string]func(*packageCall) answer) {
		for method, f := range methods {
			all = append(all, route{method: method, pattern: pattern, stream: packages(f), at: at, basic: basic, family: true})
		}
	}
	type methods = map[string]func(*packageCall) answer
	const below = "/projects/{id}/packages/"
	add(below+"npm/*rest", 0, false, methods{"GET": fetchNpm, "PUT": publishNpm, "DELETE": untagNpm})
	add(below+"maven/*rest", 0, true, methods{"GET": getMaven, "PUT": putMaven})
	add(below+"pypi/*rest", 0, true, methods{"GET": fetchPypi})
	add(below+"pypi", 0, true, methods{"POST": uploadPypi})
	add(below+"composer/archives/*rest", 0, true, methods{"GET": archiveComposer})
	add(below+"composer", 0, true, methods{"POST": publishComposer})
	add(below+"go/*rest", 0, true, methods{"GET": proxyGo})
	for _, feed := range []string{"nuget/index.json", "nuget/v2", "nuget/v2/*rest"} { // these answer anybody
		f := feedNuget
		if feed == "nuget/index.json" {
			f = indexNuget
		}
		all = append(all, route{method: "GET", pattern: below + feed, stream: anybody(f), open: true})
	}
	add(below+"nuget/*rest", atBasicNamed, false, methods{"GET": fetchNuget})
	add(below+"nuget/*rest", atBasicNamed|atNugetKey, false, methods{"DELETE": deleteNuget, "PUT": pushNuget})
	add(below+"nuget", atBasicNamed|atNugetKey, false, methods{"PUT": pushNuget})
	add(below+"helm/*rest", atBasic, false, methods{"GET": fetchChart, "POST": pushChart})
	add(below+"rubygems/api/v1/gems", atBasic|atRaw, false, methods{"POST": pushGem})
	add(below+"rubygems/*rest", atBasic|atRaw, false, methods{"GET": fetchGem})
	add(below+"cargo/api/v1/crates/new", atBearer, false, methods{"PUT": publishCrate})
	add(below+"cargo/*rest", atBearer, false, methods{"GET": fetchCrate})
	add(below+"debian/*rest", atBasicNamed, false, methods{"GET": fetchDebian, "PUT": putDebian})
	add(below+"rpm", atBasicNamed, false, methods{"POST": pushRPM})
	add(below+"rpm/*rest", atBasicNamed, false, methods{"GET": fetchRPM})
	add(below+"terraform/modules/*rest", atBasicNamed, false, methods{"GET": fetchModule})
	add(below+"terraform/modules/*rest", atPrivateToken, false, methods{"PUT": uploadModule})
	add("/projects/{id}/terraform/state/*rest", 0, true, methods{"GET": serveState, "POST": serveState, "DELETE": serveState})
	return append(all,
		route{
			method:  "GET",
			pattern: "/group/{id}/-/packages/composer/*rest",
			answer:  (*call).serveComposer,
			basic:   true,
			family:  true,
		},
		route{method: "GET", pattern: "/packages/terraform/modules/v1/*rest", answer: (*call).serveModules,
			at: atBearer, open: true},
	)
}

// anybody is packages without any check but that the project is there.
func anybody(f func(*packageCall) answer) func(*call, http.ResponseWriter) {
	return func(c *call, w http.ResponseWriter) {
		c.f.mu.Lock()
		a, halted := answer{}, false
		func() {
			defer c.caught(&a, &halted)
			p := c.f.world.projects[c.path.number("id")]
			if p == nil {
				notFound("Project")
			}
			a = f(&packageCall{call: c, p: p, s: p.store, rest: c.path.text("rest")})
		}()
		c.f.mu.Unlock()
		a.write(w)
	}
}
