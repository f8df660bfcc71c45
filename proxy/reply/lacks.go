package reply

import "strings"

// CredentialLacks is for a request that the token allows and the forge does not, because the owner's credential lacks a scope.
// has are the credential's scopes. Any one of wants would do, as the forge says.
func CredentialLacks(has, wants []string) *Refusal {
	var b strings.Builder
	b.WriteString("The token allows this, but the forge credential of its owner, with which patgate asks for it, lacks the scope")
	if len(wants) > 0 {
		b.WriteString(" " + strings.Join(wants, " or "))
	}
	if len(has) > 0 {
		b.WriteString("; it has " + strings.Join(has, ", "))
	}
	b.WriteString(". The owner makes a new token under a credential that has it: a token never uses a broader one than it was " +
		"made under.")
	return Forbidden("insufficient_credential_scope", b.String())
}
