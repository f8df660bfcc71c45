package routes

// RefusalCode says why a method and target are not an operation: a closed set, used in answers, logs and metrics.
type RefusalCode string

const (
	// CodeNoRoute: no row matches.
	CodeNoRoute RefusalCode = "no_route"
	// CodeMethod: the method is not one that the table knows.
	CodeMethod RefusalCode = "method"
	// CodeTarget: the target is not an origin-form path (RFC 9112, 3.2.1) or holds bytes that no URI may hold.
	CodeTarget RefusalCode = "malformed_target"
	// CodeAmbiguousPath: the path can be read in more than one way: an empty or dot segment, an escape that is not needed
	// and hides a literal, a backslash, a control character, a percent sign that remains after decoding.
	CodeAmbiguousPath RefusalCode = "ambiguous_path"
	// CodeValue: a capture's value is not of the class that the row declares.
	CodeValue RefusalCode = "bad_value"
	// CodeReference: a project, group, namespace or user is neither a numeric id nor a full path.
	CodeReference RefusalCode = "bad_reference"
	// CodePushOption: a push option is not known, is refused, or cannot be read in one way.
	CodePushOption RefusalCode = "push_option"
)

// Refusal is the error of Classify. Its message is made for the client: it names what is wrong and what to send instead,
// and never holds a value of the request; of a push option it holds the name.
type Refusal struct {
	Code    RefusalCode
	Message string
}

// Error gives the message.
func (r *Refusal) Error() string { return r.Message }

func refuse(code RefusalCode, message string) *Refusal { return &Refusal{Code: code, Message: message} }
