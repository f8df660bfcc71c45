// Package facts keeps what a forge said about containers and users for as long as it may be used. The resolvers of all forges
// share it. It decides how old a fact may be, which credential sees it, what Forget drops, and whose budget pays for a question.
// Requests that wait for the same question share it, unless it has to wait for the share of a token (fleet/share): no request
// waits for another token's share. Each forge's own Read says what is asked and how the answer is read.
//
// Facts are cached for each credential of an owner, by id and by path, with the time at which their oldest part was read:
//
//	| cache    | key                               | value                      | kept for          | purpose                |
//	| -------- | --------------------------------- | -------------------------- | ----------------- | ---------------------- |
//	| by path  | credential, kind, lower-case path | container with access      | TTL (30 s)        | requests by path       |
//	| by id    | credential, kind, id              | container with access      | TTL               | requests by id         |
//	| nodes    | credential, id                    | ancestors                  | TTL               | facts that share them  |
//	| lists    | credential, id                    | ids of what lies below     | TTL               | entries of long lists  |
//	| absences | in each of them                   | "not found or not visible" | NegativeTTL (3 s) | clients that ask again |
//
// A caller's maxAge shortens that (the gateway's default for writes is 5 s). Nothing that failed is cached.
package facts
