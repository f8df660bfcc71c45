package header

// Name numbers the header names that patgate knows, so that a header block is compared once and then looked up by
// number. The zero value is a name that it does not know.
type Name uint8

// The names that the code itself asks for. Those that are only listed have numbers from listed on.
const (
	Unknown Name = iota
	Authorization
	PrivateToken
	JobToken
	DeployToken
	NugetKey
	Cookie
	Host
	Connection
	Upgrade
	Expect
	TransferEncoding
	ContentLength
	ContentType
	ContentEncoding
	AcceptEncoding
	ForwardedFor
	ForwardedProto
	Trailer
	UserAgent
	Accept
	Range
	Via
	Origin
	listed
)

// Class is what is done with a header of a request that carries a patgate token.
type Class uint8

const (
	// ClassDropped: not on the list of headers that are sent on.
	ClassDropped Class = iota
	// ClassPassed: sent on; a second one with the same name is refused.
	ClassPassed
	// ClassList: sent on, also when it comes in several lines (RFC 9110, 5.3).
	ClassList
	// ClassCredential: a credential; see credential.go.
	ClassCredential
	// ClassRefused: changes whom or what the forge takes the request for; refused.
	ClassRefused
	// ClassLogin: says who the user is, to a forge that believes it of a proxy; refused whoever sends it.
	ClassLogin
	// ClassForwarding: written by proxies; believed only from trusted ones.
	ClassForwarding
	// ClassHop: for this connection only (RFC 9110, 7.6.1).
	ClassHop
	// ClassFraming: read by patgate, written anew.
	ClassFraming
)

type knownField struct {
	text  string // lower case
	name  Name
	class Class
}

// GitLab are the places where GitLab 19.3 reads a credential or an override (lib/gitlab/auth, lib/api,
// app/controllers/concerns), beside those that every forge has. Other headers between the parts of an instance begin alike.
var GitLab = newFieldTable([]string{"gitlab-"}, []knownField{
	{"private-token", PrivateToken, ClassCredential},
	{"job-token", JobToken, ClassCredential},
	{"deploy-token", DeployToken, ClassCredential},
	{"runner-token", 0, ClassCredential},
	{"unleash-instanceid", 0, ClassCredential},
	{"x-gitlab-static-object-token", 0, ClassCredential},
	{"x-gitlab-external-storage-token", 0, ClassCredential},
	{"x-hub-signature", 0, ClassCredential},
	{"x-hub-signature-256", 0, ClassCredential},
	{"x-slack-signature", 0, ClassCredential},
	{"x-gitlab-hmac-sha256", 0, ClassCredential},
	{"x-forge-oauth-system", 0, ClassCredential},
	{"token", 0, ClassCredential},
	{"gitlab-shared-secret", 0, ClassCredential},
	{"gitlab-shell-api-request", 0, ClassCredential},
	{"gitlab-kas-api-request", 0, ClassCredential},
	{"gitlab-agent-api-request", 0, ClassCredential},
	{"gitlab-pages-api-request", 0, ClassCredential},
	{"gitlab-mailroom-api-request", 0, ClassCredential},
	{"gitlab-workhorse-api-request", 0, ClassCredential},
	{"gitlab-orbit-api-request", 0, ClassCredential},
	{"gitlab-error-tracking-token", 0, ClassCredential},
	{"gitlab-openbao-auth-token", 0, ClassCredential},
	{"gitlab-iam-auth-token", 0, ClassCredential},
	{"x-customers-dot-internal-token", 0, ClassCredential},
	{"x-gitlab-organization-id", 0, ClassRefused},
	{"x-gitlab-enabled-mcp-server-tools", 0, ClassRefused},
	{"x-gitlab-mcp-server-tool-name-prefix", 0, ClassRefused},
	{"x-gitlab-namespace-id", 0, ClassRefused},
})

// Gitea are those of Gitea 1.26 (services/auth, routers/private): signed requests, and logins by the name that a proxy
// vouches for, which Gitea believes of proxies that it trusts, and patgate may be one. Their names can be configured.
var Gitea = newFieldTable([]string{"x-gitea-", "x-forgejo-", "x-webauth-"}, []knownField{
	{"signature", 0, ClassCredential},
	{"x-ssh-certificate", 0, ClassCredential},
	{"x-gitea-otp", 0, ClassRefused},
	{"x-webauth-user", 0, ClassLogin},
	{"x-webauth-email", 0, ClassLogin},
	{"x-webauth-fullname", 0, ClassLogin},
	{"remote-user", 0, ClassForwarding},
	{"remote-email", 0, ClassForwarding},
	{"remote-name", 0, ClassForwarding},
	{"x-remote-user", 0, ClassForwarding},
	{"x-forwarded-user", 0, ClassForwarding},
	{"x-forwarded-email", 0, ClassForwarding},
	{"x-forwarded-preferred-username", 0, ClassForwarding},
	{"x-auth-request-user", 0, ClassForwarding},
	{"x-auth-request-email", 0, ClassForwarding},
	{"x-forwarded-protocol", 0, ClassForwarding},
	{"x-url-scheme", 0, ClassForwarding},
	{"front-end-https", 0, ClassForwarding},
	{"x-ops-authorization-1", 0, ClassCredential}, // Chef's signature
	{"x-ops-userid", 0, ClassCredential},
})

// knownFields is the closed list of what every forge has. Package clients' own headers are those that GitLab's lib/api reads.
var knownFields = []knownField{
	{"authorization", Authorization, ClassCredential},
	{"x-nuget-apikey", NugetKey, ClassCredential},
	{"cookie", Cookie, ClassCredential},
	{"proxy-authorization", 0, ClassHop},

	{"sudo", 0, ClassRefused},
	{"x-http-method-override", 0, ClassRefused},
	{"x-http-method", 0, ClassRefused},
	{"x-method-override", 0, ClassRefused},
	{"x-original-url", 0, ClassRefused},
	{"x-rewrite-url", 0, ClassRefused},
	{"x-sendfile-type", 0, ClassRefused},
	{"x-accel-mapping", 0, ClassRefused},

	{"forwarded", 0, ClassForwarding},
	{"x-forwarded-for", ForwardedFor, ClassForwarding},
	{"x-forwarded-proto", ForwardedProto, ClassForwarding},
	{"x-forwarded-host", 0, ClassForwarding},
	{"x-forwarded-port", 0, ClassForwarding},
	{"x-forwarded-server", 0, ClassForwarding},
	{"x-forwarded-scheme", 0, ClassForwarding},
	{"x-forwarded-ssl", 0, ClassForwarding},
	{"x-forwarded-prefix", 0, ClassForwarding},
	{"x-real-ip", 0, ClassForwarding},
	{"x-patgate-would-deny", 0, ClassForwarding}, // patgate's word to clients, nobody else's
	{"client-ip", 0, ClassForwarding},
	{"x-client-ip", 0, ClassForwarding},
	{"true-client-ip", 0, ClassForwarding},

	{"connection", Connection, ClassHop},
	{"proxy-connection", 0, ClassHop},
	{"keep-alive", 0, ClassHop},
	{"te", 0, ClassHop},
	{"trailer", Trailer, ClassHop},
	{"upgrade", Upgrade, ClassHop},
	{"http2-settings", 0, ClassHop},

	{"host", Host, ClassFraming},
	{"content-length", ContentLength, ClassFraming},
	{"transfer-encoding", TransferEncoding, ClassFraming},
	{"expect", Expect, ClassFraming},
	{"content-type", ContentType, ClassFraming},
	{"content-encoding", ContentEncoding, ClassFraming},
	{"accept-encoding", AcceptEncoding, ClassFraming},
	{"x-request-id", 0, ClassFraming},

	{"origin", Origin, ClassDropped},
	{"accept", Accept, ClassList},
	{"accept-language", 0, ClassList},
	{"via", Via, ClassList},
	{"if-match", 0, ClassList},
	{"if-none-match", 0, ClassList},
	{"cache-control", 0, ClassList},
	{"user-agent", UserAgent, ClassPassed},
	{"if-modified-since", 0, ClassPassed},
	{"if-unmodified-since", 0, ClassPassed},
	{"if-range", 0, ClassPassed},
	{"range", Range, ClassPassed},
	{"content-range", 0, ClassPassed},
	{"content-disposition", 0, ClassPassed},
	{"content-language", 0, ClassPassed},
	{"git-protocol", 0, ClassPassed},
	{"traceparent", 0, ClassPassed},
	{"tracestate", 0, ClassList},
	{"npm-command", 0, ClassPassed},
	{"symbolchecksum", 0, ClassPassed},
	{"x-checksum-deploy", 0, ClassPassed},
	{"x-checksum-sha1", 0, ClassPassed},
	{"x-nuget-client-version", 0, ClassPassed},
	{"x-nuget-protocol-version", 0, ClassPassed},
	{"x-nuget-session-id", 0, ClassPassed},
	{"x-conan-server-capabilities", 0, ClassPassed},
}

// Rule is what is known of a header name. The zero value is that of a name that is not known.
type Rule struct {
	Name  Name
	Class Class
}

// Table is what is known of header names in front of one forge. It is never written to.
type Table struct {
	rules   [256][]namedRule // by slotOf
	refused []string         // beginnings of names that are refused when they are not in rules
}

type namedRule struct {
	name string // lower case
	rule Rule
}

// slotOf spreads names over the rules of a table, so that most slots hold none or one.
func slotOf[T string | []byte](name T) uint8 {
	n := len(name)
	if n == 0 {
		return 0
	}
	return uint8(n)*37 ^ name[0]*11 ^ name[n-1]*5 ^ name[n/2]
}

// newFieldTable adds a forge's own names to those that every forge has.
func newFieldTable(refused []string, own []knownField) *Table {
	t := &Table{refused: refused}
	next := listed
	for _, list := range [...][]knownField{knownFields, own} {
		for _, k := range list {
			if k.name == Unknown {
				k.name = next
				next++
			}
			t.set(namedRule{k.text, Rule{k.name, k.class}})
		}
	}
	return t
}

// set adds a rule, or puts it in the place of the one that the name had.
func (t *Table) set(r namedRule) {
	slot := &t.rules[slotOf(r.name)]
	for i := range *slot {
		if (*slot)[i].name == r.name {
			(*slot)[i] = r
			return
		}
	}
	*slot = append(*slot, r)
}

// folded is how a byte of a name is compared: without case, "_" as "-". What no name may hold is 0.
var folded = func() (to [256]byte) {
	for c := range to {
		switch {
		case !tokenByte[c]:
		case c == '_':
			to[c] = '-'
		case c >= 'A' && c <= 'Z':
			to[c] = byte(c) + 'a' - 'A'
		default:
			to[c] = byte(c)
		}
	}
	return to
}()

// maxFieldName bounds the names that are looked up; every known name is shorter.
const maxFieldName = 48

// lookup gives the rule of the header name that a line begins with, compared without case and with "_" read as "-", as
// Rack does (GitLab 19.3 behind Workhorse takes Private_Token for PRIVATE-TOKEN). alias tells that the name was spelled with
// "_". colon is where the name ends; negative: there is no name (RFC 9110, 5.6.2), or no colon behind it.
func (t *Table) lookup(line []byte) (colon int, rule Rule, alias bool) {
	if t == nil {
		t = GitLab
	}
	var room [maxFieldName + 1]byte
	n, changed := 0, byte(0)
	for _, c := range line[:min(len(line), len(room))] {
		f := folded[c]
		if room[n] = f; f == 0 {
			break
		}
		changed |= c ^ f
		n++
	}
	alias = changed&^('A'^'a') != 0 // more than the case of letters
	if n > maxFieldName {           // no known name is so long
		for n < len(line) && tokenByte[line[n]] {
			n++
		}
		alias = false
	}
	switch {
	case n == 0 || n == len(line) || line[n] != ':':
		return -1, Rule{}, false
	case n > maxFieldName:
		return n, Rule{}, false
	}
	lower := room[:n]
	slot := t.rules[slotOf(lower)]
	for i := range slot {
		if string(lower) == slot[i].name {
			return n, slot[i].rule, alias
		}
	}
	for _, prefix := range t.refused {
		if len(lower) > len(prefix) && string(lower[:len(prefix)]) == prefix {
			return n, Rule{Class: ClassRefused}, alias // headers between the parts of an instance
		}
	}
	return n, rule, alias
}
