package words

import "strings"

// same are words that are their own plural: many of one kind, or none that is counted.
const same = "access activity adoption advice code data feedback glql graph history markdown metadata moderation orbit " +
	"protection search software statistics storage telemetry usage following"

// kept are names, which begin with a capital within a sentence too.
const kept = "Bitbucket Debian Duo Elasticsearch Gist Gitea Jira Kubernetes Orbit Sidekiq Terraform Zoekt"

// Things says what a resource's title stands for, within a sentence: "Merge Request" is merge requests.
func Things(title string) string {
	all := strings.Fields(title)
	for i, w := range all {
		if rest := w[1:]; rest == strings.ToLower(rest) && !is(kept, w) && len(w) > 1 { // an abbreviation stays as it is
			all[i] = strings.ToLower(w)
		}
	}
	if last := len(all) - 1; last >= 0 {
		all[last] = plural(all[last])
	}
	return strings.Join(all, " ")
}

func is(list, word string) bool { return strings.Contains(" "+list+" ", " "+word+" ") }

// plural gives the plural of an English noun of the catalogue.
func plural(w string) string {
	switch {
	case is(same, w):
		return w
	case strings.HasSuffix(w, "us"), strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "ch"), strings.HasSuffix(w, "sh"),
		strings.HasSuffix(w, "x"):
		return w + "es"
	case strings.HasSuffix(w, "s"):
		return w
	case strings.HasSuffix(w, "y") && len(w) > 1 && !strings.ContainsAny(w[len(w)-2:len(w)-1], "aeiou"):
		return w[:len(w)-1] + "ies"
	}
	return w + "s"
}

// verb says what an action does, within a sentence.
func verb(label string) string {
	switch label = strings.ToLower(label); label {
	case "update":
		return "change"
	case "run":
		return "start"
	}
	return label
}

// Plainly says in a sentence what somebody may do with a resource, by the labels of its verbs: "Read and start jobs".
func Plainly(title string, labels []string) string {
	var all []string
	for _, label := range labels {
		all = append(all, verb(label))
	}
	text := strings.Join(all, ", ")
	if last := len(all) - 1; last > 0 {
		text = strings.Join(all[:last], ", ") + " and " + all[last]
	}
	return strings.ToUpper(text[:1]) + text[1:] + " " + Things(title)
}
