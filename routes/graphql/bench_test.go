package graphql_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"patgate/routes/graphql"
)

// What clients send, in other words: a work item as client-go asks for it, and a merge request as editors do.
const (
	workItemQuery = `query GetWorkItem($fullPath: ID!, $iid: String!) {
	  namespace(fullPath: $fullPath) {
	    workItem(iid: $iid) {
	      id iid title state description confidential createdAt updatedAt closedAt webUrl
	      workItemType { name }
	      author { id username name state avatarUrl webUrl }
	      features {
	        assignees { assignees { nodes { id username name state avatarUrl webUrl } } }
	        labels { labels { nodes { id title color description } } }
	        milestone { milestone { id iid title state dueDate webPath } }
	        startAndDueDate { startDate dueDate isFixed }
	        weight { weight }
	      }
	    }
	  }
	}`
	mergeRequestQuery = `query mergeRequest($projectId: ID!, $iid: String!) {
	  project(fullPath: $projectId) {
	    mergeRequest(iid: $iid) { ...details __typename }
	  }
	}
	fragment user on User { id name username avatarUrl webUrl }
	fragment details on MergeRequest {
	  id iid title description createdAt updatedAt mergedAt state draft webUrl reference
	  sourceBranch targetBranch conflicts mergeable mergeStatusEnum shouldBeRebased rebaseInProgress
	  approved approvalsRequired approvalsLeft userNotesCount diffHeadSha
	  diffRefs { baseSha headSha startSha }
	  author { ...user }
	  assignees { nodes { ...user } }
	  reviewers { nodes { ...user } pageInfo { hasNextPage } }
	  labels { nodes { id title color textColor } }
	  userPermissions { updateMergeRequest canMerge createNote }
	  commits(last: 1) { nodes { sha shortId title authoredDate } }
	}`
)

// BenchmarkRead reads and prints what clients send: a document for the first time, and again.
func BenchmarkRead(b *testing.B) {
	table := loadTable(b)
	for name, request := range map[string]trial{
		"work item":     {Query: workItemQuery, Operation: "GetWorkItem", Variables: map[string]any{"fullPath": "g/p", "iid": "7"}},
		"merge request": {Query: mergeRequestQuery, Operation: "mergeRequest", Variables: map[string]any{"projectId": "g/p", "iid": "7"}},
	} {
		body, err := json.Marshal(request)
		if err != nil {
			b.Fatal(err)
		}
		for _, first := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/first=%t", name, first), func(b *testing.B) {
				reader := newReader(b, table)
				var known *graphql.Parsed
				b.ReportAllocs()
				for b.Loop() {
					q, err := graphql.ParseRequest(body)
					if err != nil {
						b.Fatal(err)
					}
					var d *graphql.Document
					if first || known == nil {
						d, err = reader.Read(q)
					} else if known.Of(q) {
						d, err = reader.ReadAgain(q, known)
					}
					if err != nil {
						b.Fatal(err)
					}
					known = d.Parsed()
					if len(d.Acts) == 0 {
						b.Fatal("no act")
					}
				}
			})
		}
	}
}
