package proxy

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// mostly gives one of the texts; the first of them mostly.
func mostly(random *rand.Rand, usual int, texts ...string) string {
	if random.IntN(100) < usual {
		return texts[0]
	}
	return texts[random.IntN(len(texts))]
}

// spoil puts a byte that is no ordinary text somewhere into a text.
func spoil(random *rand.Rand, text string) string {
	odd := byte(random.IntN(0x21)) // a control character, or a blank
	if random.IntN(4) == 0 {
		odd = byte(0x7f + random.IntN(0x81))
	}
	at := random.IntN(len(text) + 1)
	return text[:at] + string([]byte{odd}) + text[at:]
}

// sometimes changes a text now and then.
func sometimes(random *rand.Rand, percent int, text string, change func(*rand.Rand, string) string) string {
	if random.IntN(100) < percent {
		return change(random, text)
	}
	return text
}

var (
	wayTargets = []string{jobs, jobs + "?page=2", "/api/v4/projects/group%2Fgranted/jobs", "/api/v4/projects/8/jobs",
		"/api/v4/projects/7/jobs/1/trace", "/api/v4/nothing",
		"/", "", "*", "http://patgate.test" + jobs, "//patgate.test" + jobs, "//[x]" + jobs, jobs + "#x",
		"http://patgate.test/", "HTTP://PATGATE.TEST" + jobs, "https://patgate.test" + jobs, "http://patgate.test:8080" + jobs,
		"http://x@patgate.test" + jobs,
		jobs + "/", jobs + "//", "//api/v4/projects/7/jobs", "/api/v4/projects/7/repository/tags/100%25",
		"/api/v4/projects/7/repository/tags/[x]|",
		"/api/v4/projects/7/repository/tags/\xc3\xa9", "/api/v4/projects/7/repository/tags/a%252Fb",
		jobs + "?a=#b", jobs + "?page=1&page=2", jobs + "?q=%00", jobs + "%zz",
		"/api/v4/projects/7/../7/jobs", "/api/v4//projects/7/jobs", jobs + ";x", jobs + "?x=://y",
		"api/v4/projects/7/jobs", "/-/patgate/x", "/group/granted.git/info/refs?service=git-upload-pack"}
	wayHosts = []string{"patgate.test", "patgate.test:8080", "[::1]", "[::1]:80", "[abcd]", "[1.2.3.4]",
		"[::ffff:1.2.3.4]", "[::::]", "[fe80::1%25en0]", "[::1", "::1", "", "a b", "x:", "x:99999",
		"x:999999", "a,b", "u@x", "x/y", "1.2.3.4.5", "%41", "x_y", strings.Repeat("h", 255), strings.Repeat("h", 256)}
	wayNames = []string{"Accept", "User-Agent", "X-Unknown", "If-Match", "Range", "Accept-Encoding", "Accept-Language",
		"Cache-Control", "Traceparent", "X-Request-Id", "accept", "X_Unknown",
		"User_Agent", "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Expect",
		"Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Host",
		"X-Forwarded-For", "X-Forwarded-Proto", "Cookie", "Sudo", "Authorization", "PRIVATE-TOKEN",
		"Proxy-Authorization", "!#$%&'*+-.^`|~", "0", strings.Repeat("n", 60),
		"Accept ", "Accept\t", " Accept", "\tAccept", "A B", "", "(x)", "x@y", "x/y", "x\"y", "Acc\xe9pt", "Accept\r", ":"}
	wayValues = []string{"*/*", "x/1 (y; z)", "", "a, b", "\"quoted\"", "\xc3\xa9", "\ta\tb\t", "keep-alive", "close",
		"keep-alive, x", "Accept", "chunked", "gzip", "identity", "chunked, chunked", "0", "5",
		"05", "+5", "-1", "5 ", "0x5", "5,5", "99999999999999999999", "100-continue", "trailers", "X-Sum",
		"Authorization", "Content-Length, X", "a,,b", "websocket", "h2c", "text/plain",
		"application/json", "patgate.test", strings.Repeat("v", 200), strings.Repeat("w", 3000), "Basic dTpw", "bytes=0-1"}
	wayEnds = []string{"\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", " \r\n", "\t\r\n", "\x00\r\n",
		"\r\n\r\n", "", "\v\r\n", "\f\r\n"}
	wayVersions = []string{"HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1 ",
		"HTTP/1.10", "HTTP/1", "HTTP/11", "", "HTTP/1.1\x00", " HTTP/1.1", "HTTPS/1.1"}
	wayMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "PRI",
		"get", "GETT", "G T", "", "G\x00T", "GET\t", " GET", "\x01GET"}
)

// generateRequest makes a request of which most is in order and little is not: control characters at every position, odd line ends,
// folds, repeated fields, odd names, versions, targets and lengths.
func generateRequest(random *rand.Rand) string {
	odd := mostly(random, 45, "", "method", "target", "version", "end", "host", "block", "block", "block", "value",
		"value", "name", "size", "body")
	if random.IntN(100) < 10 {
		odd = "all"
	}
	is := func(what string) bool { return odd == what || odd == "all" && random.IntN(3) == 0 }
	choose := func(what string, texts []string) string {
		if is(what) {
			return texts[random.IntN(len(texts))]
		}
		return texts[0]
	}
	end := func() string {
		if is("end") && random.IntN(3) == 0 {
			return wayEnds[random.IntN(len(wayEnds))]
		}
		return "\r\n"
	}
	usual := mostly(random, 30, "GET", "HEAD", "POST", "PUT")
	method := choose("method", append([]string{usual}, wayMethods...))
	written := writing{target: wayTargets[0]}
	if usual == "POST" || usual == "PUT" {
		written = generateWriting(random, usual)
	}
	target, version := choose("target", append([]string{written.target}, wayTargets...)), choose("version", wayVersions)
	if is("target") {
		target = sometimes(random, 50, target, spoil)
	}
	var b strings.Builder
	if is("end") {
		b.WriteString(mostly(random, 70, "", "\r\n", "\n", "\r\n\r\n", "\r", " "))
	}
	b.WriteString(method + mostly(random, 100-5*len(odd), " ", " ", "  ", "\t") + target + " " + version + end())
	lines := []string{"Host: " + choose("host", wayHosts), mostly(random, 90, "PRIVATE-TOKEN: ${token}",
		"Authorization: Bearer ${token}", "PRIVATE-TOKEN:${token}", "X-Own: y", "PRIVATE-TOKEN: ${token}x")}
	for range random.IntN(4) {
		lines = append(lines, mostly(random, 60, "Accept: */*", "User-Agent: x/1", "Connection: keep-alive",
			"X-Unknown: y", "Accept-Encoding: gzip"))
	}
	for is("block") && len(lines) < 12 {
		lines = append(lines, wayNames[random.IntN(len(wayNames))]+mostly(random, 80, ": ", ":", " : ", ":\t",
			"")+wayValues[random.IntN(len(wayValues))])
	}
	lines = append(lines, written.lines...)
	if is("size") {
		lines = append(lines, generateSize(random)...)
	}
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	at := random.IntN(len(lines))
	if is("value") {
		name, value, _ := strings.Cut(lines[at], ":")
		lines[at] = name + ":" + spoil(random, value)
	}
	if is("name") {
		lines[at] = spoil(random, lines[at][:random.IntN(len(lines[at]))]) + lines[at]
	}
	body := written.body
	if is("body") || method == "POST" && body == "" {
		body = mostly(random, 50, "page=1", "5\r\nhello\r\n0\r\n\r\n", `{"title":"x"}`, get(jobs, "PRIVATE-TOKEN: ${token}"))
		lines = append(lines, mostly(random, 70, fmt.Sprintf("Content-Length: %d",
			len(strings.ReplaceAll(body, "${token}", strings.Repeat("x", 44)))), "Transfer-Encoding: chunked",
			"Content-Length: 3"))
	}
	for _, line := range lines {
		b.WriteString(line + end())
	}
	b.WriteString(end() + body)
	return b.String()
}

// generateSize makes header lines that are many, or long, about the bounds.
func generateSize(random *rand.Rand) (lines []string) {
	switch random.IntN(3) {
	case 0:
		for i := range 118 + random.IntN(14) {
			lines = append(lines, fmt.Sprintf("X-%d: y", i))
		}
	case 1:
		lines = append(lines, "X-Long: "+strings.Repeat("x", 16<<10-300+random.IntN(400)))
	default:
		lines = append(lines, "Accept: "+strings.Repeat("x", 8<<10), "X-More: "+strings.Repeat("y", random.IntN(16<<10)))
	}
	return lines
}

// writing is what a request that writes has of its own.
type writing struct {
	target, body string
	lines        []string
}

var (
	wayWritten = []string{issues, issues + "/1/move", "/api/v4/projects/group%2Fgranted/issues", issues + "?confidential=true",
		"/api/v4/projects/8/issues", "/api/v4/projects/7/members", "/api/v4/projects/7/access_tokens", "/api/v4/projects/7/packages/pypi"}
	wayReplaced = []string{issues + "/1", "/api/v4/projects/7", "/api/v4/projects/7/notification_settings",
		"/api/v4/projects/7/packages/generic/a/1/f", issues + "/x"}
	wayFields = [][2]string{{"title", `"x"`}, {"title", `"a\u00e9\n\"b\""`}, {"description", `"text\n/close\n"`}, {"weight", "1.50"},
		{"labels", `["a","b"]`}, {"confidential", "true"}, {"due_date", "null"}, {"to_project_id", "7"},
		{"to_project_id", `"group/granted"`},
		{"to_project_id", "8"}, {"epic_id", "1"}, {"user_id", "5"}, {"private_token", `"x"`}, {"odd name", "1"},
		{"deep", `{"a":[{"b":1}]}`},
		{"long", `"` + strings.Repeat("l", 5000) + `"`}, {"bad", "NaN"}}
)

// generateWriting makes a request whose body is JSON or a form, mostly one that is taken.
func generateWriting(random *rand.Rand, method string) (w writing) {
	w.target = mostly(random, 60, wayWritten...)
	if method == "PUT" {
		w.target = mostly(random, 60, wayReplaced...)
	}
	form := random.IntN(4) == 0
	var members, pairs []string
	for i := range 1 + random.IntN(4) {
		field := wayFields[[...]int{random.IntN(3), 3, 4, 5}[i]]
		if random.IntN(5) == 0 {
			field = wayFields[random.IntN(len(wayFields))]
		}
		if strings.HasSuffix(w.target, "/move") && i == 0 {
			field = wayFields[7+random.IntN(3)]
		}
		members = append(members, fmt.Sprintf("%q%s%s", field[0], mostly(random, 70, ":", " : ", ":\n"), field[1]))
		pairs = append(pairs, strings.ReplaceAll(field[0], " ", "+")+"="+mostly(random, 60, "x", "a%41+b", "", "%zz", "7", "/close"))
	}
	w.body, w.lines = "{"+strings.Join(members, mostly(random, 80, ",", " , "))+"}", []string{"Content-Type: application/json"}
	if form {
		w.body, w.lines = strings.Join(pairs, "&"), []string{"Content-Type: application/x-www-form-urlencoded"}
	}
	w.body = sometimes(random, 5, w.body, spoil)
	w.lines[0] = mostly(random, 95, w.lines[0], "Content-Type: application/json; charset=utf-8", "Content-Type: text/plain", "X-No: type",
		"Content-Type: application/octet-stream")
	length := len(w.body)
	w.lines = append(w.lines, fmt.Sprintf("Content-Length: %s%d", mostly(random, 97, "", "0", "+"),
		length+len(mostly(random, 97, "", "x"))))
	return w
}
