package trust_test

import (
	"strings"
	"testing"

	"patgate/trust"
)

// TestAdvice: a policy for a GitLab that lets through whoever may push some branch is told of, and no other.
func TestAdvice(t *testing.T) {
	const protected = `      ref_protected: "true"` + "\n"
	deny := "      user_access_level: [guest, planner]\n"
	for what, c := range map[string]struct {
		oldnew []string
		told   bool
	}{
		"protected refs":                  {nil, false},
		"any ref":                         {[]string{protected, ""}, true},
		"either":                          {[]string{`ref_protected: "true"` + "\n", `ref_protected: ["true", "false"]` + "\n"}, true},
		"protected environments":          {[]string{protected, `      environment_protected: "true"` + "\n"}, false},
		"what is not protected is denied": {[]string{protected, "", deny, deny + `      ref_protected: "false"` + "\n"}, false},
		"unless it says nothing": {[]string{protected, "", deny, deny + `      ref_protected: ["false", {absent: allow}]` + "\n"},
			true},
	} {
		text := strings.NewReplacer(append(c.oldnew, `environment_protected: "true", `, ``)...).Replace(good)
		text = strings.ReplaceAll(text, `{project_id: "20", ref_protected: "true",`, `{project_id: "20", ref_protected: "true", `+
			`environment_protected: "true",`)
		set, problems := trust.Load(options(t, text))
		if len(problems) > 0 {
			t.Fatalf("%s: %v", what, problems)
		}
		if lines := set.Advice(); len(lines) > 0 != c.told || c.told && !strings.HasPrefix(lines[0],
			"trusts/a.yaml:3: the trust release-notes") {
			t.Errorf("%s: %q", what, lines)
		}
	}
}

// TestDirectUseIsPartOfWhatIsAllowed: an edit that turns it on reaches further.
func TestDirectUseIsPartOfWhatIsAllowed(t *testing.T) {
	again := policyOf(t, strings.Replace(good, "    ttl:", "    single_use: false\n    ttl:", 1)).Rules("a")
	direct := policyOf(t, strings.Replace(good, "    ttl:", "    single_use: false\n    direct_use: true\n    ttl:", 1)).Rules("a")
	if got := direct.Beyond(again); got != "direct_use" {
		t.Errorf("turned on: %q", got)
	}
	if got := again.Beyond(direct); got != "" {
		t.Errorf("turned off: %q", got)
	}
	stored, err := trust.ParseRules(direct.String())
	if err != nil || direct.Beyond(stored) != "" || !strings.Contains(strings.Join(stored.Lines(), "\n"), "direct_use true") {
		t.Errorf("%+v, %v", stored, err)
	}
}
