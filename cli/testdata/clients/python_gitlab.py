"""The unmodified python-gitlab client, as Debian packages it, run through patgate."""

import os
import sys

import gitlab

gate = os.environ["GATE"]
token = os.environ["CI"]


def check(what, holds):
    if not holds:
        sys.exit("python-gitlab: failed: " + what)
    print("python-gitlab:", what)


gl = gitlab.Gitlab(gate, private_token=token)

project = gl.projects.get("shop/backend/api")
check("a project by its path", project.path_with_namespace == "shop/backend/api")

web = gl.projects.get("shop/my.web-site")
check("a project with dots in its name", web.path == "my.web-site")

issues = project.issues.list(get_all=True, per_page=10)
check("every issue, over pages that follow through patgate", len(issues) == 46)

lazy = project.issues.list(iterator=True, per_page=20)
check("the next page's address is patgate's", lazy._list._next_url.startswith(gate + "/"))
check("iterating follows it", sum(1 for _ in lazy) == 46)

tag = web.tags.get("release/v1.0")
check("a tag with a slash and a dot in its name", tag.name == "release/v1.0")

content = web.files.get(file_path="docs/read.me.md", ref="main").decode().decode()
check("a file with dots and slashes in its name", content == "read me\n")

try:
    project.issues.create({"title": "not allowed"})
    sys.exit("python-gitlab: creating an issue was not refused")
except gitlab.exceptions.GitlabCreateError as error:
    body = error.response_body.decode()
    check("a denied call raises the client's own 403", error.response_code == 403)
    check("whose response_body names the missing permission", "create_work_item" in body)
    shown = str(error)
    check("and whose text, all that most users see, names it too",
          shown.startswith("403: insufficient_granular_scope: ") and "missing create_work_item" in shown)

both = ["shop/backend/api", "shop/my.web-site"]
check("projects, of all that the owner sees those that the token reaches",
      sorted(p.path_with_namespace for p in gl.projects.list(membership=True, get_all=True)) == both)
check("groups", sorted(g.full_path for g in gl.groups.list(get_all=True)) == ["shop", "shop/backend"])
check("namespaces", sorted(n.full_path for n in gl.namespaces.list(get_all=True)) == ["shop", "shop/backend"])
check("issues", [i.references["full"] for i in gl.issues.list(scope="all", search="everywhere", get_all=True)] == ["shop/backend/api#46"])
check("merge requests", [m.references["full"] for m in gl.mergerequests.list(scope="all", get_all=True)] == ["shop/backend/api!1"])
check("a search", sorted(p["path_with_namespace"] for p in gl.search("projects", "", get_all=True)) == both)

try:
    gl.projects.get("secret/plans")
    sys.exit("python-gitlab: a project out of bounds was not refused")
except gitlab.exceptions.GitlabGetError as error:
    check("a project out of bounds is a 403 too", error.response_code == 403)

gl = gitlab.Gitlab(gate, private_token=token[:-1] + ("a" if token[-1] != "a" else "b"))
try:
    gl.projects.get("shop/backend/api")
    sys.exit("python-gitlab: a wrong token was not refused")
except gitlab.exceptions.GitlabAuthenticationError as error:
    check("a wrong token raises the client's own 401", error.response_code == 401)
