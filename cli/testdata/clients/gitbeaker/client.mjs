// The unmodified @gitbeaker/rest client, run through patgate.
import { Gitlab } from '@gitbeaker/rest';

const host = process.env.GATE;
const token = process.env.CI;
const api = new Gitlab({ host, token });

function check(what, holds) {
  if (!holds) {
    console.error(`gitbeaker: failed: ${what}`);
    process.exit(1);
  }
  console.log(`gitbeaker: ${what}`);
}

// Of an answer labelled application/json the client shows only `error`; a denial is labelled as problem details for
// clients that take anything, and then the client shows it whole.
async function refused(what, permission, call) {
  try {
    await call();
  } catch (error) {
    const response = error.cause?.response;
    check(`${what}: the client's own 403`, error.name === 'GitbeakerRequestError' && response?.status === 403);
    check(`${what}: its text is GitLab's`, error.cause.description.includes('insufficient_granular_scope'));
    check(`${what}: its text names ${permission}`, error.message.includes(permission));
    return;
  }
  check(`${what}: it was not refused`, false);
}

const project = await api.Projects.show('shop/backend/api');
check('a project by its path', project.path_with_namespace === 'shop/backend/api');
check('a project with dots in its name', (await api.Projects.show('shop/my.web-site')).path === 'my.web-site');

const issues = await api.Issues.all({ projectId: 'shop/backend/api', perPage: 10 });
check('every issue, over pages that follow through patgate', issues.length === 46);

const tag = await api.Tags.show('shop/my.web-site', 'release/v1.0');
check('a tag with a slash and a dot in its name', tag.name === 'release/v1.0');

const file = await api.RepositoryFiles.show('shop/my.web-site', 'docs/read.me.md', 'main');
check('a file with dots and slashes in its name', Buffer.from(file.content, 'base64').toString() === 'read me\n');

await refused('creating an issue', 'create_work_item', () => api.Issues.create('shop/backend/api', 'not allowed'));
await refused('a project out of bounds', 'read_project', () => api.Projects.show('secret/plans'));

// Lists that reach over all that the owner sees hold what the token reaches.
const both = 'shop/backend/api shop/my.web-site';
const sorted = (list) => list.sort().join(' ');
check('projects', sorted((await api.Projects.all({ membership: true })).map((p) => p.path_with_namespace)) === both);
check('groups', sorted((await api.Groups.all()).map((g) => g.full_path)) === 'shop shop/backend');
check('namespaces', sorted((await api.Namespaces.all()).map((n) => n.full_path)) === 'shop shop/backend');
check('issues', (await api.Issues.all({ scope: 'all', search: 'everywhere' })).map((i) => i.references.full).join() === 'shop/backend/api#46');
check('merge requests', (await api.MergeRequests.all({ scope: 'all' })).map((m) => m.references.full).join() === 'shop/backend/api!1');
check('a search', sorted((await api.Search.all('projects', '')).map((p) => p.path_with_namespace)) === both);
