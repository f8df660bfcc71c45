package git

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"patgate/routes"
)

// Option is a push option as the forge reads it.
type Option struct {
	*routes.PushOption
	Value string // empty: none, or yes
}

// maxOption bounds an option, in bytes, so that its longest spelling fits a packet.
const maxOption = 60_000

func refuseOption(name, why string) error {
	return &routes.Refusal{Code: routes.CodePushOption, Message: "Access denied: The push option " + shown(name) + " " + why}
}

// ReadOptions reads the push options of a request as the forge does, by a row: the options that count for the forge, in their
// order. Any other is refused by a *routes.Refusal with its name, and never with its value.
func ReadOptions(t *routes.Table, r *routes.Route, texts []string) ([]Option, error) {
	var out []Option
	layout, known := LayoutOf(t.Forge()), r.PushOptions
	for _, text := range texts {
		if !isText(text) || len(text) > maxOption {
			name, _, _ := strings.Cut(text, "=")
			return nil, refuseOption(name, "is too long, holds a control character, or is not UTF-8.")
		}
		name, value, ok := layout.option(text)
		switch o := known.Find(name); {
		case !ok, o == nil && known != nil:
			if !ok {
				name, _, _ = strings.Cut(text, "=")
			}
			return nil, refuseOption(name, "is not known: see docs/git.md for those that are passed on.")
		case o == nil:
			return nil, refuseOption(name, "means nothing in this repository.")
		case o.Refused != "":
			return nil, refuseOption(name, "is not passed on: "+o.Refused+".")
		default:
			if value, ok = canonical(o.Value, value, layout.yes); !ok {
				return nil, refuseOption(name, wanted[o.Value])
			}
			out = counted(out, Option{PushOption: o, Value: value})
		}
	}
	return out, nil
}

// wanted says which values an option takes.
var wanted = [...]string{
	routes.OptionNone: "takes no value: the forge would take any for yes.",
	routes.OptionBool: "must be true or false.",
	routes.OptionText: "needs a value: name=value.",
	routes.OptionList: "needs a value: name=value.",
}

// counted adds an option. When an option with one value comes again, the last counts.
func counted(list []Option, o Option) []Option {
	i := slices.IndexFunc(list, func(have Option) bool {
		return have.PushOption == o.PushOption && (o.PushOption.Value != routes.OptionList || have.Value == o.Value)
	})
	if i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	return append(list, o)
}

// isText tells whether an option can be read in one way: UTF-8 on one line, without control characters but the tabulator.
func isText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' })
}

// gitlabOption finds namespace, key and value wherever they stand (GitLab 19.3, lib/gitlab/push_options.rb).
var gitlabOption = regexp.MustCompile(`([^.]+)\.([^=]+)=?(.*)`)

// namespacedOption reads an option as GitLab does: it ignores what stands before the first part that fits and blanks around each
// part, reads "mr" as merge_request, and a blank value as no value. ok is false for an option that GitLab ignores in any case.
func namespacedOption(text string) (name, value string, ok bool) {
	m := gitlabOption.FindStringSubmatch(text)
	if m == nil {
		return "", "", false
	}
	namespace, key, value := strings.Trim(m[1], " \t"), strings.Trim(m[2], " \t"), strings.Trim(m[3], " \t")
	if namespace == "mr" {
		namespace = "merge_request"
	}
	if strings.TrimFunc(value, unicode.IsSpace) == "" {
		value = ""
	}
	return namespace + "." + key, value, true
}

// plainOption reads an option as Gitea does: a name, and behind the first equals sign its value.
func plainOption(text string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(text, "=")
	return name, value, true
}

// canonical gives the one spelling of a value. ok is false where forges or their versions read the value differently. yes is
// empty for GitLab, and "true" for Gitea: some of its versions know no option without a value.
func canonical(kind routes.OptionValue, value, yes string) (one string, ok bool) {
	switch kind {
	case routes.OptionNone:
		return yes, value == "" || value == "true"
	case routes.OptionBool:
		switch value {
		case "true", "1":
			return yes, true
		case "false", "0":
			return "false", true
		}
		return yes, value == yes
	}
	return value, value != ""
}

// String gives the option as it is sent.
func (o *Option) String() string {
	if o.Value == "" {
		return o.Name
	}
	return o.Name + "=" + o.Value
}

// Lines gives the text of an option that is read for commands, as the forge reads it: GitLab ends a line at \n.
func (o *Option) Lines() string { return strings.ReplaceAll(o.Value, `\n`, "\n") }

// Unseen tells whether the forge makes the option's text from texts that the push does not show: it has placeholders, or it may
// be empty once its commands are taken out.
func (o *Option) Unseen() bool {
	for line := range strings.SplitSeq(o.Lines(), "\n") {
		if line = strings.TrimFunc(line, unicode.IsSpace); line != "" && line[0] != '/' {
			return strings.Contains(o.Value, "%{")
		}
	}
	return true
}
