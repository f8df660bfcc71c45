package routes

// Permission is the number of a permission in the Catalogue of one forge. Numbers are stable within a process, never
// stored: names are. The zero value is no permission and is in no set.
type Permission uint16

// MaxPermissions bounds a catalogue, so that a PermissionSet is a fixed-size value.
const MaxPermissions = 1024

// PermissionSet is a set of permissions of one catalogue. The zero value is empty. It is a comparable value.
type PermissionSet [MaxPermissions / 64]uint64

// Add puts p into the set. The zero permission and numbers from MaxPermissions on are ignored.
func (s *PermissionSet) Add(p Permission) {
	if p != 0 && p < MaxPermissions {
		s[p/64] |= 1 << (p % 64)
	}
}

// Has tells whether p is in the set; the zero permission never is.
func (s *PermissionSet) Has(p Permission) bool {
	return p != 0 && p < MaxPermissions && s[p/64]&(1<<(p%64)) != 0
}

// Union adds every permission of o.
func (s *PermissionSet) Union(o *PermissionSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// Contains tells whether every permission of o is in s.
func (s *PermissionSet) Contains(o *PermissionSet) bool {
	var lacking uint64 // without a branch for each word: this is asked several times for each request
	for i := 0; i < len(s); i += 4 {
		lacking |= o[i]&^s[i] | o[i+1]&^s[i+1] | o[i+2]&^s[i+2] | o[i+3]&^s[i+3]
	}
	return lacking == 0
}

// Empty tells whether the set has no permission.
func (s *PermissionSet) Empty() bool { return *s == PermissionSet{} }

// PermissionInfo describes one permission of a catalogue.
type PermissionInfo struct {
	Name       string     // GitLab's identifier, <action>_<resource>: read_job
	Category   string     // heading of the catalogue: CI/CD
	Resource   string     // snake case: job
	Action     string     // snake case: read
	Title      string     // heading of the resource: Merge Request
	Boundaries []Boundary // on which it can be granted, project first
	Abilities  string     // one line, what it lets a token do
	Deprecated bool       // accepted in grants, hidden in pickers
}
