package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

// fuzzWait bounds one request.
const fuzzWait = time.Second

// FuzzRawRequest sends raw bytes to a gateway with the full table. What the forge then gets must carry the owner's
// credential once, nothing of the client's token, and must classify to the very row that was decided on, as the method and
// with the ids that were checked.
func FuzzRawRequest(f *testing.F) {
	table, err := load.GitLab()
	if err != nil {
		f.Fatal(err)
	}
	judge := &forwardJudge{table: table}
	upstream := httptest.NewServer(judge)
	f.Cleanup(upstream.Close)
	g := newWorldGateway(f, table, world{}, upstream.URL)
	judge.gateway = g
	for _, raw := range fuzzSeeds(f) {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 16<<10 {
			return
		}
		conn, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Skip(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(fuzzWait))
		go func() {
			_, _ = conn.Write(bytes.ReplaceAll(raw, []byte("${token}"), []byte(g.token)))
			_ = conn.(*net.TCPConn).CloseWrite() // whoever waits for more need not
		}()
		method, _, _ := bytes.Cut(raw, []byte{' '})
		response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: string(method)})
		if err == nil {
			body, _ := io.ReadAll(response.Body)
			if bytes.Contains(body, []byte(g.token)) || bytes.Contains(body, []byte(ownerCredential)) {
				t.Errorf("the answer holds a secret: %s", body)
			}
		}
		for _, fault := range judge.take() {
			t.Error(fault)
		}
	})
}

// TestForwardJudge shows that the fuzzer's requests arrive, and that its forge finds fault.
func TestForwardJudge(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	judge := &forwardJudge{table: table}
	upstream := httptest.NewServer(judge)
	t.Cleanup(upstream.Close)
	judge.gateway = newWorldGateway(t, table, world{}, upstream.URL)
	t.Run("a request through the gateway", func(t *testing.T) {
		c := threat{request: "GET /api/v4/projects/g%2Fp/jobs HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: ${token}\r\n\r\n"}
		c.send(t, judge.gateway.address, judge.gateway.token, []string{"200"})
		if faults := judge.take(); judge.judged != 1 || len(faults) != 0 {
			t.Errorf("%d arrived, %q", judge.judged, faults)
		}
	})
	t.Run("a request round the gateway", func(t *testing.T) {
		response, err := http.Get(upstream.URL + "/api/v4/projects/7/jobs")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if len(judge.take()) == 0 {
			t.Error("no fault was found")
		}
	})
}

// forwardJudge is a forge that finds fault with what should not have been forwarded.
type forwardJudge struct {
	table   *routes.Table
	gateway *worldGateway
	mu      sync.Mutex
	judged  int
	faults  []string
}

func (j *forwardJudge) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := j.faults
	j.faults = nil
	return out
}

func (j *forwardJudge) fault(r *http.Request, what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.faults = append(j.faults, what+": "+r.Method+" "+r.RequestURI)
}

// ServeHTTP judges one forwarded request.
func (j *forwardJudge) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	j.mu.Lock()
	j.judged++
	j.mu.Unlock()
	e, known := j.gateway.decisions.take(r.Header.Get("X-Request-Id"))
	switch {
	case !known || e.Route == nil || e.Verdict != policy.Allow:
		j.fault(r, "it was not decided on")
		return
	case r.Method != e.Method:
		j.fault(r, "the decision was on "+e.Method)
	}
	var op routes.Operation
	if err := j.table.Classify(&op, r.Method, []byte(r.RequestURI)); err != nil || op.Route != e.Route {
		j.fault(r, "the decision was on another row, "+e.Route.Path)
	} else if id := e.BoundaryID; id != 0 && e.Route.Find.From == routes.FindInPath {
		for i := range op.Captures() {
			if c := &op.Captures()[i]; c.Name == e.Route.Find.Name && c.ID != id && c.Ref != routes.RefNamespace {
				j.fault(r, "another container than the one that was checked")
			}
		}
	}
	carried := 0
	for _, name := range []string{"Private-Token", "Authorization", "X-Nuget-Apikey", "Job-Token", "Deploy-Token", "Cookie"} {
		carried += len(r.Header[name])
	}
	want := 1
	if e.Reason == policy.ReasonOpen.String() || e.Reason == policy.ReasonPublic.String() {
		want = 0
	}
	if carried != want {
		j.fault(r, "it does not carry one credential")
	}
	for name := range r.Header {
		if strings.ContainsRune(name, '_') || name == "Sudo" || strings.HasPrefix(name, "X-Http-Method") || strings.HasPrefix(name, "Gitlab-") {
			j.fault(r, "header "+name)
		}
	}
	if strings.Contains(r.RequestURI, j.gateway.token) || bytes.Contains(body, []byte(j.gateway.token)) {
		j.fault(r, "it holds the token")
	}
}

// fuzzSeeds are the requests of the corpus of threats.
func fuzzSeeds(f *testing.F) []string {
	f.Helper()
	var out []string
	threats, err := loadThreats()
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range threats {
		for i := range file {
			out = append(out, file[i].bytes("${token}"))
		}
	}
	return out
}
