package store

import "patgate/routes"

// NoticeCatalogue does the first half of what a Get does that meets a new catalogue: the cache is not dropped yet.
func (s *Sessions) NoticeCatalogue(c *routes.Catalogue) { s.catalogue.Store(c) }
