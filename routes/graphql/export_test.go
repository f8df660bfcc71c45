package graphql

import "github.com/vektah/gqlparser/v2/ast"

// Understood gives what was read of a document.
func (d *Document) Understood() (*ast.OperationDefinition, ast.FragmentDefinitionList) {
	return d.operation, d.fragments
}

// WithoutEmpty leaves out empty parentheses.
var WithoutEmpty = withoutEmpty
