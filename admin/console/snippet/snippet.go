package snippet

import "strings"

// Quote writes a text as one word of a shell.
func Quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,@", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// WriteAttributes writes attributes as terraform fmt lays them out.
func WriteAttributes(b *strings.Builder, indent string, fields [][2]string) {
	longest := 0
	for _, f := range fields {
		longest = max(longest, len(f[0]))
	}
	for _, f := range fields {
		b.WriteString(indent + f[0] + strings.Repeat(" ", longest-len(f[0])) + " = " + f[1] + "\n")
	}
}

// HCL writes a text as a string of HCL.
func HCL(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{").Replace(s)
	return `"` + s + `"`
}

// HCLList writes texts as a list of HCL.
func HCLList(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = HCL(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
