// Package gitea answers the questions of package forge from Gitea's REST API, version 1, as of Gitea 1.26.
//
// What patgate's words mean there:
//
//	| word                       | on Gitea                                                                            |
//	| -------------------------- | ----------------------------------------------------------------------------------- |
//	| project                    | a repository, by "owner/name" or by its id                                          |
//	| group                      | an organization or a user: whatever owns repositories. Both have ids of one series, |
//	|                            | and every repository lies in exactly one of them; there is nothing above            |
//	| namespace                  | the same as a group                                                                 |
//	| user                       | a user                                                                              |
//	| personal project           | a repository that the token's owner owns                                            |
//	| member of a project        | its owner, a collaborator, or whoever is in a team that has it                      |
//	| member of a group          | whoever is in some team of the organization; a user of itself                       |
//	| private, internal, public  | the narrower of repository and owner; "limited" owners are internal                 |
//
// A site administrator is a member only of what anybody else would be a member of.
package gitea
