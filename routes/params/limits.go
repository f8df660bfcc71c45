package params

import "patgate/routes"

const (
	// MaxPairs bounds the parameters of a query and, separately, of a form or the parts of a multipart body.
	MaxPairs = 1000
	// MaxName bounds a decoded name, in bytes.
	MaxName = 256
	// MaxDepth bounds the nesting of brackets and of JSON, counted in containers.
	MaxDepth = 32
	// MaxTargets bounds the references of one request, because each may cost a look-up at the forge.
	MaxTargets = 100
	// MaxValues bounds the values of a JSON body, containers included, for each MiB of the row's body limit.
	MaxValues = 10_000
	// MaxField bounds one multipart field that is not a file, in bytes, when the row's body limit is not larger.
	MaxField = 64 << 10
	// MaxFields bounds all multipart fields that are not files, in bytes, when the row's body limit is not larger.
	MaxFields = 1 << 20
	// MaxDraft is the longest JSON body that DraftJSON takes, in bytes. It keeps its memory for the next body.
	MaxDraft = 16 << 10

	maxKeptBuffer = 64 << 10 // a Set that grew beyond this gives the memory back on Reset
)

// valueLimit gives the number of JSON values that a row takes.
func valueLimit(r *routes.Route) int {
	mib := (r.Body.Limit + 1<<20 - 1) >> 20
	return MaxValues * int(min(max(mib, 1), 1<<10))
}
