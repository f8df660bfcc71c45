// Package params reads the query and the body of a request by the rules of its row in the route table, and writes them
// again. It has two steps, so that what was checked is what is sent:
//
//  1. Read all of it and check it. Set.Query, Set.Form, Set.JSON and Set.Multipart refuse what the forge could read
//     in another way and collect the containers that the request names (Set.Targets).
//  2. After the decision, Set.Resolve takes the ids that were checked, and Set.AppendQuery, Set.AppendForm, Set.AppendJSON,
//     Set.WriteJSON and Multipart.Copy write a canonical form with these ids in the place of what the client sent.
//
// A short JSON body is read once, by Set.DraftJSON, which drafts what Set.AppendJSON completes. A longer one is read by Set.JSON
// and again by Set.WriteJSON, which checks everything a second time: what is kept meanwhile is bounded.
//
// Names have one canonical form for all carriers, which is also the form of the route table: the form field
// entities[][destination_namespace] and the JSON member {"entities": [{"destination_namespace": ...}]} are both
// "entities[].destination_namespace"; not[author_id] is "not.author_id".
//
// The package is pure: it reads and writes only what it is given.
package params
