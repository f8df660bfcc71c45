package routes

// SurfaceGraphQL is the surface of rows whose paths name a type, a field or a mutation behind "#", as in
// /api/graphql#Mutation.workItemCreate. See Documents.
const SurfaceGraphQL = "graphql"

// Documents are the rules by which GraphQL documents are read, besides the rows of SurfaceGraphQL. Names that stand in none of
// the lists are refused. It is never changed after its table was built.
type Documents struct {
	// Schema is the forge's, in the schema definition language.
	Schema File
	// Roots say what the answers of fields of the root query type belong to. A field that is not here needs its permissions under
	// all_memberships.
	Roots map[string]DocumentRoot
	// Arguments say what a plain argument or input field of a mutation names, by its name, wherever it stands. RefNone: nothing
	// outside the container that other arguments name.
	Arguments map[string]RefKind
	// Objects are the kinds of objects whose container the forge can be asked for, by the class in their global ids.
	Objects map[string]DocumentObject
	// Inside are the classes of global ids whose objects have no container, or cannot lead out of it at the forge.
	Inside map[string]bool
	// Inherits are the types without a row that are part of the object at which they stand.
	Inherits map[string]bool
	// Shown are the fields of types of other containers that are part of every object which shows them.
	Shown map[string][]string
	// Edges correct where a field leads, by Type.field: same, below, parent, user, instance or other.
	Edges map[string]string
	// Widens are arguments, by name wherever they stand, that make the answer reach further, and where to: parent or other.
	Widens map[string]string
	// Templates are the mutations that make an object with a description. Where that is missing, the forge takes it from a
	// template, and carries out the commands in it.
	Templates map[string]bool
	// Refused are fields that nobody gets, by Type.field, with the reason.
	Refused map[string]string
	// Sources say where the entries stand: "roots project".
	Sources map[string]Source
}

// The paths of the rows that stand for whole documents. Each act of a document is decided by a row of its own.
const (
	QueryRow    = "/api/graphql#query"
	MutationRow = "/api/graphql#mutation"
)

// rows gives the rows that stand for whole documents.
func (d *Documents) rows() []*Route {
	boundaries := []Boundary{BoundaryProject, BoundaryGroup, BoundaryUser, BoundaryInstance}
	row := func(path string, reads bool) *Route {
		return &Route{
			Kind:       KindPermission,
			Method:     "POST",
			Path:       path,
			Surface:    SurfaceGraphQL,
			Category:   "GraphQL",
			Reads:      reads,
			Source:     Source{File: d.Schema.Name, Line: 1},
			ByActs:     true,
			Boundaries: boundaries,
			Since:      1,
			Find:       Find{From: FindInParam, Name: "query"},
		}
	}
	return []*Route{row(QueryRow, true), row(MutationRow, false)}
}

// DocumentRoot says what the answer of a root field belongs to.
type DocumentRoot struct {
	// Boundary is that of a field that has no container: user or instance. None: an argument names it.
	Boundary Boundary
	// Profiles: users, with nothing but what the forge shows of them everywhere.
	Profiles bool
	// Arguments name containers, each by its kind; RefNone stands for the global id of an object.
	Arguments map[string]RefKind
}

// DocumentObject says how the forge is asked for the container of an object.
type DocumentObject struct {
	Get     string // root field that takes the object's id
	Project string // path of fields to the id of its project; may be empty
	Group   string // and of its group, where there is no project; may be empty
}
