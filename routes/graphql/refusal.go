package graphql

// Code names one reason for which a document is refused. The set is closed.
type Code string

// The reasons.
const (
	CodeBody         Code = "graphql_body"               // the body is no request for one document
	CodeBatch        Code = "graphql_batch"              // several requests in one
	CodeDocument     Code = "graphql_document"           // no document, or one that can be read in more than one way
	CodeLimit        Code = "graphql_limit"              // a limit is passed
	CodeSubscription Code = "graphql_subscription"       // a subscription
	CodeDirective    Code = "graphql_directive"          // another directive than @include, @skip and @gl_introduced
	CodeIntrospects  Code = "graphql_introspection"      // introspection, where it is not allowed
	CodeField        Code = "graphql_unknown_field"      // a field that the schema does not have
	CodeArgument     Code = "graphql_unknown_argument"   // an argument or input field that the schema does not have
	CodeUnlisted     Code = "graphql_unlisted"           // a type, field or mutation without a permission
	CodeRefused      Code = "graphql_refused"            // a field or mutation that is refused to all
	CodeIdentifier   Code = "graphql_unknown_identifier" // an argument that may name a container, it is not known which
	CodeReference    Code = "graphql_bad_reference"      // not a path or a global id
)

// Refusal says why a document is not sent. It never repeats a value.
type Refusal struct {
	Code    Code
	Message string
	Path    []string // of the field in the answer; nil: it is about the whole
}

// Error gives the message with the code in front.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

func refuse(code Code, message string) *Refusal { return &Refusal{Code: code, Message: message} }
