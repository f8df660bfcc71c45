package routes

import (
	"bytes"
	"slices"
	"strconv"
)

// OptionValue is the kind of value that a push option takes.
type OptionValue uint8

const (
	// OptionNone: the option says yes by being there; the forge takes any value, "false" too, for that.
	OptionNone OptionValue = iota
	// OptionBool: true or false, or nothing, where the forge takes that for true.
	OptionBool
	// OptionText: one text; the last of several counts.
	OptionText
	// OptionList: one text, and each of several counts.
	OptionList
)

var optionValueNames = [...]string{"none", "bool", "text", "list"}

// String gives the kind as it stands in the route table.
func (v OptionValue) String() string {
	if int(v) < len(optionValueNames) {
		return optionValueNames[v]
	}
	return "value(" + strconv.Itoa(int(v)) + ")"
}

// ParseOptionValue reads the name of a kind of value.
func ParseOptionValue(name string) (v OptionValue, ok bool) {
	i := slices.Index(optionValueNames[:], name)
	return OptionValue(max(i, 0)), i >= 0
}

// PushOption is one option of a push (git push -o) that the forge acts on with the rights of the token's owner. A
// PushOption is never changed after its table was built.
type PushOption struct {
	Name   string // canonical: merge_request.create
	Source Source
	Value  OptionValue
	// Needs are the permissions on the project that is pushed to, besides those of the row. Nothing is for Harmless ones.
	Needs   []Permission
	NeedSet PermissionSet
	// Harmless: who may push may say it.
	Harmless bool
	// Guard: it switches off a guard of the forge. Its permissions are granted by name, never by a wildcard.
	Guard bool
	// Upstream: in a fork it acts on the project that the fork comes from.
	Upstream bool
	// Text is set for a text that the forge reads for commands; in it \n stands for a line end.
	Text *TextField
	// FilledBy names the option beside which the forge makes a text that is missing or blank itself, and puts others in for
	// %{...} in it: commit messages, a template. Empty: none.
	FilledBy string
	// Refused, when not empty, is the reason for which the option is always refused.
	Refused string
}

// PushRef is a kind of ref whose push is more than new commits.
type PushRef struct {
	Prefix  string // of the full name: refs/for/
	Source  Source
	Needs   []Permission // besides those of the row
	NeedSet PermissionSet
}

// PushOptions are the options of pushes that a forge knows. It is immutable.
type PushOptions struct {
	list  []*PushOption // in the order of the table
	names map[string]*PushOption
	refs  []PushRef
	own   string
}

// NewPushOptions makes the options of a forge: its options and kinds of refs in the order of the table, and the name of the
// option that Own gives.
func NewPushOptions(list []*PushOption, refs []PushRef, own string) *PushOptions {
	o := &PushOptions{list: list, names: make(map[string]*PushOption, len(list)), refs: refs, own: own}
	for _, option := range list {
		o.names[option.Name] = option
	}
	return o
}

// All gives every option in the order of the table. The caller must not change the slice.
func (o *PushOptions) All() []*PushOption {
	if o == nil {
		return nil
	}
	return o.list
}

// Find gives the option of a canonical name; nil when there is none.
func (o *PushOptions) Find(name string) *PushOption {
	if o == nil {
		return nil
	}
	return o.names[name]
}

// Refs gives the kinds of refs whose push is more than new commits. The caller must not change the slice.
func (o *PushOptions) Refs() []PushRef {
	if o == nil {
		return nil
	}
	return o.refs
}

// Ref gives the kind of a ref by its full name; nil for an ordinary one.
func (o *PushOptions) Ref(name []byte) *PushRef {
	refs := o.Refs()
	for i := range refs {
		if bytes.HasPrefix(name, []byte(refs[i].Prefix)) {
			return &refs[i]
		}
	}
	return nil
}

// Own names the option that is sent beside one with Upstream: its value is the path of the project that was checked. Empty:
// none.
func (o *PushOptions) Own() string {
	if o == nil {
		return ""
	}
	return o.own
}

// Guards are the permissions of options that switch off a guard of the forge.
func (o *PushOptions) Guards() (set PermissionSet) {
	for _, option := range o.All() {
		if option.Guard {
			set.Union(&option.NeedSet)
		}
	}
	return set
}
