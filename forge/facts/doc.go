// Package facts keeps what a forge said of containers and users for as long as it may be used. It is what the resolvers of
// all forges share: how old a fact may be, who sees it, what a Forget makes worthless, who pays for a question, and that
// many who ask for the same ask once. What is asked and how the answer is read is each forge's own Read.
//
// Facts are cached for each credential of an owner, by id and by path, with the time at which their oldest part was read:
//
//	| cache    | key                                  | value                               | kept for            | purpose                    |
//	| -------- | ------------------------------------ | ----------------------------------- | ------------------- | -------------------------- |
//	| by path  | credential, kind, path in lower case | container with access               | TTL (30 s)          | requests that name a path  |
//	| by id    | credential, kind, id                 | container with access               | TTL                 | requests that name an id   |
//	| nodes    | credential, id                       | what facts rest on (groups above)   | TTL                 | many facts that share them |
//	| absences | in each of them                      | "not found or not visible"          | NegativeTTL (3 s)   | clients that ask again     |
//
// A caller's maxAge shortens that (the gateway uses 5 s for writes). Nothing that failed is cached.
package facts
