package forgetest

import "strings"

// apiRoutes is the stand-in's part of the API, literal before capture.
func apiRoutes() []route {
	by := func(method string) func(string, func(*call) answer) route {
		return func(pattern string, f func(*call) answer) route {
			return route{method: method, pattern: pattern, answer: f}
		}
	}
	get, post, put, del := by("GET"), by("POST"), by("PUT"), by("DELETE")
	open := func(r route) route { r.open = true; return r }
	scoped := func(r route, scopes ...string) route { r.scopes = scopes; return r }

	const pkg = "/projects/{id}/packages/generic/{package_name}/{package_version}/{file_name}"
	all := []route{
		scoped(get("/user", (*call).currentUser), "read_user"),
		get("/version", (*call).version),
		get("/metadata", (*call).metadata),
		scoped(get("/users", (*call).listUsers), "read_user"),
		scoped(get("/users/{id}", (*call).getUser), "read_user"),
		// Any scope will do for these.
		scoped(get("/personal_access_tokens/self", (*call).selfToken), "read_user", "read_api", "read_repository",
			"write_repository", "read_registry", "write_registry", "self_rotate", "k8s_proxy"),
		scoped(get("/personal_access_tokens/self/associations", (*call).selfAssociations), "read_user", "read_api"),
		scoped(del("/personal_access_tokens/self", (*call).revokeSelf), "read_user", "read_api", "read_repository",
			"write_repository"),
		scoped(post("/personal_access_tokens/self/rotate", (*call).rotateSelf), "self_rotate"),

		get("/personal_access_tokens", (*call).listTokens),
		get("/personal_access_tokens/:id", (*call).getToken),
		del("/personal_access_tokens/:id", (*call).revokeToken),
		post("/personal_access_tokens/:id/rotate", (*call).rotateToken),
		post("/users/:user_id/personal_access_tokens", (*call).createToken),

		open(get("/groups", (*call).listGroups)),
		post("/groups", (*call).createGroup),
		open(get("/groups/{id}", (*call).getGroup)),
		put("/groups/{id}", (*call).updateGroup),
		open(get("/groups/{id}/subgroups", (*call).listSubgroups)),
		open(get("/groups/{id}/projects", (*call).listGroupProjects)),
		get("/groups/{id}/issues", (*call).listGroupIssues),
		get("/groups/{id}/members", (*call).listGroupMembers),
		get("/groups/{id}/members/all", (*call).listAllGroupMembers),
		get("/groups/{id}/members/all/:user_id", (*call).getAnyGroupMember),
		get("/groups/{group_id}/variables", (*call).listVariables),
		post("/groups/{group_id}/variables", (*call).createVariable),
		get("/groups/{group_id}/variables/{key}", (*call).getVariable),
		get("/namespaces", (*call).listNamespaces),
		get("/namespaces/{id}", (*call).getNamespace),
		get("/merge_requests", (*call).listAllMergeRequests),
		get("/events", (*call).listEvents),
		get("/todos", (*call).listTodos),
		get("/pipelines", (*call).listOwnPipelines),
		get("/snippets", (*call).listOwnSnippets),
		get("/snippets/all", (*call).listAllSnippets),
		get("/search", (*call).search),
		open(get("/users/{user_id}/projects", (*call).listUserProjects)),
		get("/projects/{id}/merge_requests/:merge_request_iid/closes_issues", (*call).listClosedIssues),
		open(get("/projects/{id}/forks", (*call).listForks)),

		open(get("/projects", (*call).listProjects)),
		post("/projects", (*call).createProject),
		open(get("/projects/{id}", (*call).getProject)),
		put("/projects/{id}", (*call).updateProject),
		del("/projects/{id}", (*call).deleteProject),
		get("/projects/{id}/members", (*call).listProjectMembers),
		post("/projects/{id}/members", (*call).addProjectMember),
		get("/projects/{id}/members/all", (*call).listAllProjectMembers),
		get("/projects/{id}/members/all/:user_id", (*call).getAnyProjectMember),
		get("/projects/{id}/members/:user_id", (*call).getProjectMember),
		del("/projects/{id}/members/:user_id", (*call).removeProjectMember),
		post("/projects/{id}/share", (*call).shareProject),
		open(get("/projects/{id}/labels", (*call).listProjectLabels)),
		post("/projects/{id}/labels", (*call).createProjectLabel),

		get("/issues", (*call).listAllIssues),
		open(get("/projects/{id}/issues", (*call).listIssues)),
		post("/projects/{id}/issues", (*call).createIssue),
		open(get("/projects/{id}/issues/:issue_iid", (*call).getIssue)),
		put("/projects/{id}/issues/:issue_iid", (*call).updateIssue),
		del("/projects/{id}/issues/:issue_iid", (*call).deleteIssue),
		post("/projects/{id}/issues/:issue_iid/move", (*call).moveIssue),
		get("/projects/{id}/issues/:issue_iid/links", (*call).listLinkedIssues),
		open(get("/projects/{id}/issues/:issue_iid/notes", (*call).listIssueNotes)),
		post("/projects/{id}/issues/:issue_iid/notes", (*call).createIssueNote),

		open(get("/projects/{id}/merge_requests", (*call).listMergeRequests)),
		post("/projects/{id}/merge_requests", (*call).createMergeRequest),
		open(get("/projects/{id}/merge_requests/:merge_request_iid", (*call).getMergeRequest)),
		put("/projects/{id}/merge_requests/:merge_request_iid", (*call).updateMergeRequest),
		put("/projects/{id}/merge_requests/:merge_request_iid/merge", (*call).mergeMergeRequest),
		open(get("/projects/{id}/merge_requests/:merge_request_iid/diffs", (*call).listMergeRequestDiffs)),
		open(get("/projects/{id}/merge_requests/:merge_request_iid/versions", (*call).listMergeRequestVersions)),
		open(get("/projects/{id}/merge_requests/:merge_request_iid/versions/:version_id", (*call).getMergeRequestVersion)),
		open(get("/projects/{id}/merge_requests/:merge_request_iid/changes", (*call).getMergeRequestChanges)),
		open(get("/projects/{id}/merge_requests/:merge_request_iid/commits", (*call).listMergeRequestCommits)),
		open(get("/projects/{id}/merge_requests/:merge_request_iid/notes", (*call).listMergeRequestNotes)),
		post("/projects/{id}/merge_requests/:merge_request_iid/notes", (*call).createMergeRequestNote),

		open(get("/projects/{id}/repository/branches", (*call).listBranches)),
		post("/projects/{id}/repository/branches", (*call).createBranch),
		open(get("/projects/{id}/repository/branches/{branch}", (*call).getBranch)),
		del("/projects/{id}/repository/branches/{branch}", (*call).deleteBranch),
		open(get("/projects/{id}/repository/tags", (*call).listTags)),
		post("/projects/{id}/repository/tags", (*call).createTag),
		open(get("/projects/{id}/repository/tags/{tag_name}", (*call).getTag)),
		open(get("/projects/{id}/repository/tree", (*call).listTree)),
		open(get("/projects/{id}/repository/commits", (*call).listCommits)),
		post("/projects/{id}/repository/commits", (*call).createCommit),
		open(get("/projects/{id}/repository/commits/{sha}", (*call).getCommit)),
		open(get("/projects/{id}/repository/commits/{sha}/merge_requests", (*call).listCommitMergeRequests)),
		get("/projects/{id}/repository/commits/{sha}/statuses", (*call).listCommitStatuses),
		post("/projects/{id}/statuses/{sha}", (*call).createCommitStatus),
		scoped(get("/projects/{id}/repository/files/{file_path}", (*call).getFile), "read_repository"),
		scoped(get("/projects/{id}/repository/files/{file_path}/raw", (*call).getRawFile), "read_repository"),
		post("/projects/{id}/repository/files/{file_path}", (*call).writeFile),
		put("/projects/{id}/repository/files/{file_path}", (*call).writeFile),

		get("/projects/{id}/pipelines", (*call).listPipelines),
		post("/projects/{id}/pipeline", (*call).createPipeline),
		get("/projects/{id}/pipelines/latest", (*call).getLatestPipeline),
		get("/projects/{id}/pipelines/:pipeline_id", (*call).getPipeline),
		post("/projects/{id}/pipelines/:pipeline_id/retry", (*call).changePipeline),
		post("/projects/{id}/pipelines/:pipeline_id/cancel", (*call).changePipeline),
		get("/projects/{id}/pipelines/:pipeline_id/jobs", (*call).listPipelineJobs),
		get("/projects/{id}/jobs", (*call).listJobs),
		get("/projects/{id}/jobs/:job_id", (*call).getJob),
		get("/projects/{id}/jobs/:job_id/trace", (*call).getTrace),
		get("/projects/{id}/jobs/:job_id/artifacts", (*call).getArtifacts),
		post("/projects/{id}/jobs/:job_id/play", (*call).playJob),

		get("/projects/{id}/variables", (*call).listVariables),
		post("/projects/{id}/variables", (*call).createVariable),
		get("/projects/{id}/variables/{key}", (*call).getVariable),
		put("/projects/{id}/variables/{key}", (*call).updateVariable),
		del("/projects/{id}/variables/{key}", (*call).deleteVariable),

		open(get("/projects/{id}/releases", (*call).listReleases)),
		post("/projects/{id}/releases", (*call).createRelease),
		open(get("/projects/{id}/releases/{tag_name}", (*call).getRelease)),

		get("/projects/{id}/registry/repositories", (*call).listRegistries),
		del("/projects/{id}/registry/repositories/:repository_id", (*call).deleteRegistry),
		get("/projects/{id}/registry/repositories/:repository_id/tags", (*call).listRegistryTags),
		get("/registry/repositories/:id", (*call).getRegistry),
		get("/runners", (*call).listRunners),
		get("/runners/:id", (*call).getRunner),
		get("/runners/:id/jobs", (*call).listRunnerJobs),
		put("/runners/:id", (*call).updateRunner),
		get("/snippets/:id", (*call).getSnippet),
		get("/snippets/:id/raw", (*call).getRawSnippet),

		{method: "GET", pattern: pkg, stream: downloadPackage, open: true, basic: true},
		{method: "PUT", pattern: pkg, stream: uploadPackage, basic: true},
	}
	all = append(all, open(post("/projects/{id}/trigger/pipeline", (*call).triggerPipeline)))
	all = append(all, credentialRoutes()...)
	all = append(all, packageRoutes()...)
	all = append(all, conanRoutes()...)
	for i := range all {
		all[i].parts = strings.Split(strings.TrimPrefix(all[i].pattern, "/"), "/")
	}
	return all
}
