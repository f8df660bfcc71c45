package forgetest

import "fmt"

// Demo is a small world to try things on, with the names and ids that its text needs.
type Demo struct {
	// Secret of the demo user's legacy token with scope api; and the user.
	Secret, Username string
	UserID           int64
	// Group holds Project (where the user is Maintainer) and Subgroup; Outside is a private project of others that
	// the user is a member of too; Public is one that everybody may read; Personal is the user's own.
	GroupID, SubgroupID                          int64
	ProjectID, OutsideID, PublicID, PersonalID   int64
	Group, Project, Outside, PublicPath, Private string
	RunnerID, RegistryID, PipelineID, JobID      int64
}

// NewDemo makes a forge with the demo world.
func NewDemo(o Options) (*Forge, Demo) {
	f := New(o)
	d := Demo{
		Username:   "ada",
		Group:      "acme",
		Project:    "acme/website",
		Outside:    "umbrella/payroll",
		PublicPath: "oss/library",
		Private:    "ada/notes",
	}
	d.UserID = f.AddUser(d.Username)
	bob := f.AddUser("bob")
	d.Secret = f.AddToken(d.UserID, Token{Name: "demo"})
	d.GroupID = f.AddGroup("acme", Private)
	d.SubgroupID = f.AddGroup("acme/tools", Private)
	f.AddGroup("umbrella", Private)
	f.AddGroup("oss", Public)
	f.AddGroupMember(d.GroupID, d.UserID, Owner)
	d.ProjectID = f.AddProject(d.Project, Private)
	f.AddProject("acme/tools/deployer", Private)
	d.OutsideID = f.AddProject(d.Outside, Private)
	d.PublicID = f.AddProject(d.PublicPath, Public)
	d.PersonalID = f.AddProject(d.Private, Private)
	f.AddMember(d.OutsideID, d.UserID, Maintainer)
	f.AddMember(d.OutsideID, bob, Owner)
	f.AddMember(d.PublicID, bob, Owner)
	f.AddBranch(d.ProjectID, "feature/login.page")
	f.AddTag(d.ProjectID, "v1.0.0")
	f.AddTag(d.ProjectID, "release/2024.1")
	f.AddFile(d.ProjectID, "docs/index.md", []byte("# Website\n"))
	f.AddFile(d.ProjectID, ".gitlab-ci.yml", []byte("test:\n  script: make test\n"))
	d.PipelineID, d.JobID = f.AddPipeline(d.ProjectID, "main")
	d.RunnerID = f.AddProjectRunner(d.ProjectID)
	d.RegistryID = f.AddRegistry(d.ProjectID, "web")
	for i := range 3 {
		f.AddIssue(d.ProjectID, d.UserID, fmt.Sprintf("Demo issue %d", i+1))
	}
	f.AddIssue(d.OutsideID, bob, "Salaries are wrong")
	return f, d
}

// AddIssue adds an issue and gives its iid.
func (f *Forge) AddIssue(projectID, authorID int64, title string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &call{f: f, user: f.world.users[authorID]}
	return c.newIssue(f.world.projects[projectID], title).iid
}

// SetVariable sets a CI/CD variable of a project.
func (f *Forge) SetVariable(projectID int64, key, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.projects[projectID].variables[key] = &variable{key: key, value: value}
}
