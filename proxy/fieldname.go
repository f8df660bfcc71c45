package proxy

// fieldName numbers the header names that patgate knows, so that a header block is compared once and then looked up by
// number. The zero value is a name that it does not know.
type fieldName uint8

// The names that the code itself asks for. Those that are only listed have numbers from fieldListed on.
const (
	fieldUnknown fieldName = iota
	fieldAuthorization
	fieldPrivateToken
	fieldJobToken
	fieldDeployToken
	fieldNugetKey
	fieldCookie
	fieldHost
	fieldConnection
	fieldUpgrade
	fieldExpect
	fieldTransferEncoding
	fieldContentLength
	fieldContentType
	fieldContentEncoding
	fieldAcceptEncoding
	fieldForwardedFor
	fieldForwardedProto
	fieldUserAgent
	fieldAccept
	fieldRange
	fieldVia
	fieldListed
)

// fieldClass is what is done with a header of a request that carries a patgate token.
type fieldClass uint8

const (
	// classDropped: not on the list of headers that are sent on.
	classDropped fieldClass = iota
	// classPassed: sent on; a second one with the same name is refused.
	classPassed
	// classList: sent on, also when it comes in several lines (RFC 9110, 5.3).
	classList
	// classCredential: a credential; see credential.go.
	classCredential
	// classRefused: changes whom or what the forge takes the request for; refused.
	classRefused
	// classLogin: says who the user is, to a forge that believes it of a proxy; refused whoever sends it.
	classLogin
	// classForwarding: written by proxies; believed only from trusted ones.
	classForwarding
	// classHop: for this connection only (RFC 9110, 7.6.1).
	classHop
	// classFraming: read by patgate, written anew.
	classFraming
)

type knownField struct {
	name  string // lower case
	field fieldName
	class fieldClass
}

// gitlabFields are the places where GitLab 19.3 reads a credential or an override (lib/gitlab/auth, lib/api,
// app/controllers/concerns), beside those that every forge has. Other headers between the parts of an instance begin alike.
var gitlabFields = newFieldTable([]string{"gitlab-"}, []knownField{
	{"private-token", fieldPrivateToken, classCredential},
	{"job-token", fieldJobToken, classCredential},
	{"deploy-token", fieldDeployToken, classCredential},
	{"runner-token", 0, classCredential},
	{"unleash-instanceid", 0, classCredential},
	{"x-gitlab-static-object-token", 0, classCredential},
	{"x-gitlab-external-storage-token", 0, classCredential},
	{"x-hub-signature", 0, classCredential},
	{"x-hub-signature-256", 0, classCredential},
	{"token", 0, classCredential},
	{"gitlab-shared-secret", 0, classCredential},
	{"gitlab-shell-api-request", 0, classCredential},
	{"gitlab-kas-api-request", 0, classCredential},
	{"gitlab-agent-api-request", 0, classCredential},
	{"gitlab-pages-api-request", 0, classCredential},
	{"gitlab-mailroom-api-request", 0, classCredential},
	{"gitlab-workhorse-api-request", 0, classCredential},
	{"gitlab-orbit-api-request", 0, classCredential},
	{"gitlab-error-tracking-token", 0, classCredential},
	{"gitlab-openbao-auth-token", 0, classCredential},
	{"gitlab-iam-auth-token", 0, classCredential},
	{"x-customers-dot-internal-token", 0, classCredential},
	{"x-gitlab-organization-id", 0, classRefused},
	{"x-gitlab-enabled-mcp-server-tools", 0, classRefused},
	{"x-gitlab-mcp-server-tool-name-prefix", 0, classRefused},
	{"x-gitlab-namespace-id", 0, classRefused},
})

// giteaFields are those of Gitea 1.26 (services/auth, routers/private): signed requests, and logins by the name that a proxy
// vouches for, which Gitea believes of proxies that it trusts, and patgate may be one. Their names can be configured.
var giteaFields = newFieldTable([]string{"x-gitea-", "x-forgejo-", "x-webauth-"}, []knownField{
	{"signature", 0, classCredential},
	{"x-ssh-certificate", 0, classCredential},
	{"x-gitea-otp", 0, classRefused},
	{"x-webauth-user", 0, classLogin},
	{"x-webauth-email", 0, classLogin},
	{"x-webauth-fullname", 0, classLogin},
	{"remote-user", 0, classForwarding},
	{"remote-email", 0, classForwarding},
	{"remote-name", 0, classForwarding},
	{"x-remote-user", 0, classForwarding},
	{"x-forwarded-user", 0, classForwarding},
	{"x-forwarded-email", 0, classForwarding},
	{"x-forwarded-preferred-username", 0, classForwarding},
	{"x-auth-request-user", 0, classForwarding},
	{"x-auth-request-email", 0, classForwarding},
	{"x-forwarded-protocol", 0, classForwarding},
	{"x-url-scheme", 0, classForwarding},
	{"front-end-https", 0, classForwarding},
	{"x-ops-authorization-1", 0, classCredential}, // Chef's signature
	{"x-ops-userid", 0, classCredential},
})

// knownFields is the closed list of what every forge has. Package clients' own headers are those that GitLab's lib/api reads.
var knownFields = []knownField{
	{"authorization", fieldAuthorization, classCredential},
	{"x-nuget-apikey", fieldNugetKey, classCredential},
	{"cookie", fieldCookie, classCredential},
	{"proxy-authorization", 0, classHop},

	{"sudo", 0, classRefused},
	{"x-http-method-override", 0, classRefused},
	{"x-http-method", 0, classRefused},
	{"x-method-override", 0, classRefused},
	{"x-original-url", 0, classRefused},
	{"x-rewrite-url", 0, classRefused},
	{"x-sendfile-type", 0, classRefused},
	{"x-accel-mapping", 0, classRefused},

	{"forwarded", 0, classForwarding},
	{"x-forwarded-for", fieldForwardedFor, classForwarding},
	{"x-forwarded-proto", fieldForwardedProto, classForwarding},
	{"x-forwarded-host", 0, classForwarding},
	{"x-forwarded-port", 0, classForwarding},
	{"x-forwarded-server", 0, classForwarding},
	{"x-forwarded-scheme", 0, classForwarding},
	{"x-forwarded-ssl", 0, classForwarding},
	{"x-forwarded-prefix", 0, classForwarding},
	{"x-real-ip", 0, classForwarding},
	{"client-ip", 0, classForwarding},
	{"x-client-ip", 0, classForwarding},
	{"true-client-ip", 0, classForwarding},

	{"connection", fieldConnection, classHop},
	{"proxy-connection", 0, classHop},
	{"keep-alive", 0, classHop},
	{"te", 0, classHop},
	{"trailer", 0, classHop},
	{"upgrade", fieldUpgrade, classHop},
	{"http2-settings", 0, classHop},

	{"host", fieldHost, classFraming},
	{"content-length", fieldContentLength, classFraming},
	{"transfer-encoding", fieldTransferEncoding, classFraming},
	{"expect", fieldExpect, classFraming},
	{"content-type", fieldContentType, classFraming},
	{"content-encoding", fieldContentEncoding, classFraming},
	{"accept-encoding", fieldAcceptEncoding, classFraming},
	{"x-request-id", 0, classFraming},

	{"accept", fieldAccept, classList},
	{"accept-language", 0, classList},
	{"via", fieldVia, classList},
	{"if-match", 0, classList},
	{"if-none-match", 0, classList},
	{"cache-control", 0, classList},
	{"user-agent", fieldUserAgent, classPassed},
	{"if-modified-since", 0, classPassed},
	{"if-unmodified-since", 0, classPassed},
	{"if-range", 0, classPassed},
	{"range", fieldRange, classPassed},
	{"content-range", 0, classPassed},
	{"content-disposition", 0, classPassed},
	{"content-language", 0, classPassed},
	{"git-protocol", 0, classPassed},
	{"traceparent", 0, classPassed},
	{"tracestate", 0, classList},
	{"npm-command", 0, classPassed},
	{"symbolchecksum", 0, classPassed},
	{"x-checksum-deploy", 0, classPassed},
	{"x-checksum-sha1", 0, classPassed},
	{"x-nuget-client-version", 0, classPassed},
	{"x-nuget-protocol-version", 0, classPassed},
	{"x-nuget-session-id", 0, classPassed},
	{"x-conan-server-capabilities", 0, classPassed},
}

type fieldRule struct {
	field fieldName
	class fieldClass
}

// fieldTable is what is known of header names in front of one forge. It is never written to.
type fieldTable struct {
	rules   [256][]namedRule // by slotOf
	refused []string         // beginnings of names that are refused when they are not in rules
}

type namedRule struct {
	name string // lower case
	rule fieldRule
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
func newFieldTable(refused []string, own []knownField) *fieldTable {
	t := &fieldTable{refused: refused}
	next := fieldListed
	for _, list := range [...][]knownField{knownFields, own} {
		for _, k := range list {
			if k.field == fieldUnknown {
				k.field = next
				next++
			}
			t.set(namedRule{k.name, fieldRule{k.field, k.class}})
		}
	}
	return t
}

// set adds a rule, or puts it in the place of the one that the name had.
func (t *fieldTable) set(r namedRule) {
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
func (t *fieldTable) lookup(line []byte) (colon int, rule fieldRule, alias bool) {
	if t == nil {
		t = gitlabFields
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
		return -1, fieldRule{}, false
	case n > maxFieldName:
		return n, fieldRule{}, false
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
			return n, fieldRule{class: classRefused}, alias // headers between the parts of an instance
		}
	}
	return n, rule, alias
}
