// Package refusal says why a query or a body is not forwarded.
package refusal

import "strconv"

// Code names one reason for which a query or a body is refused. The set is closed. The zero value is no reason.
type Code uint8

const (
	CodeNone            Code = iota
	CodeEscape               // a percent escape that is not one
	CodeUTF8                 // a name or value that is not UTF-8
	CodeControl              // a control character
	CodeName                 // a name that forges read in different ways
	CodeDuplicate            // the same name twice
	CodeShape                // one name as a value, as a list and as an object
	CodePlaces               // the same name in the query and in the body
	CodeReserved             // a credential, an impersonation or a method in a parameter
	CodeSecret               // a patgate token inside a parameter
	CodeIdentifier           // an undeclared name that looks like an identifier
	CodeDeclaredRefused      // the row refuses the parameter
	CodeReference            // a container that is neither an id nor a full path
	CodeMissing              // a container that the row requires
	CodeForced               // another value than the one that the row forces
	CodePathDiffers          // a parameter that repeats the path with another value
	CodeTooMany              // more parameters, values, parts or references than the limits
	CodeTooDeep              // nested deeper than the limit
	CodeTooLarge             // a field larger than the limit
	CodeJSON                 // a body that is not one strict JSON object
	CodeMultipart            // a multipart body that can be read in more than one way
	CodeLate                 // a field that had to stand before the first file
	CodeBodyForbidden        // a body on GET or HEAD
	CodeContentEncoding      // a compressed body
	CodeContentType          // a missing, malformed or unexpected Content-Type
	CodeTable                // the row contradicts itself
)

var CodeNames = [...]string{
	"none", "bad_escape", "bad_utf8", "control_character", "bad_parameter_name", "duplicate_parameter",
	"conflicting_parameter", "parameter_in_query_and_body", "reserved_parameter", "token_in_parameter",
	"undeclared_identifier", "refused_parameter", "bad_reference", "missing_reference", "forced_parameter",
	"parameter_contradicts_path", "too_many_parameters", "too_deep", "field_too_large", "bad_json", "bad_multipart",
	"field_after_file", "body_not_allowed", "encoded_body", "bad_content_type", "bad_route_row",
}

// String gives the code as it stands in answers and in the audit log: duplicate_parameter.
func (c Code) String() string {
	if int(c) < len(CodeNames) {
		return CodeNames[c]
	}
	return "code(" + strconv.Itoa(int(c)) + ")"
}

// Refusal says why a query or a body is not forwarded and what the client, or whoever edits the route table, can do.
// It never carries a value: values may be secrets.
type Refusal struct {
	Code    Code
	Message string
	Param   string // name of the parameter, when one is at fault and its name can be shown
}

// Error gives the message with the code in front.
func (r *Refusal) Error() string { return r.Code.String() + ": " + r.Message }

// New makes a Refusal that is about the whole query or body.
func New(code Code, message string) error { return &Refusal{Code: code, Message: message} }

// Named makes a Refusal about one parameter; the message begins with the name.
func Named(code Code, name []byte, message string) error {
	shown := ShowName(name)
	return &Refusal{Code: code, Message: "parameter " + shown + " " + message, Param: shown}
}

// maxShownName is how much of a name a message repeats, in bytes.
const maxShownName = 80

// ShowName gives a name for a message. Names that are long, not printable ASCII or that hold a token are not repeated.
func ShowName(name []byte) string {
	if len(name) > maxShownName || HoldsToken(name) {
		return "(name not shown)"
	}
	for _, c := range name {
		if c < 0x20 || c > 0x7e {
			return "(name not shown)"
		}
	}
	return strconv.Quote(string(name))
}
