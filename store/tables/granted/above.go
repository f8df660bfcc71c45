package granted

import (
	"context"
	"net/netip"
	"slices"

	"patgate/routes"
	"patgate/store"
	"patgate/store/tables/filter"
)

// Above gives a place and the groups above it: see store.Names.
func Above(ctx context.Context, on Conn, origin string, n store.Naming, ownerID int64) (all []store.Place, err error) {
	var paths []string
	if n.Path != "" {
		paths = append(paths, n.Path)
	}
	if n.ID != 0 && n.Kind != routes.RefNone {
		all = append(all, store.Place{Kind: n.Kind, ID: n.ID})
		query, args := filter.PathsOf(origin, n.Kind, n.ID, ownerID)
		more, err := Column[string](ctx, on, query, args...)
		if err != nil {
			return nil, err
		}
		paths = append(paths, more...)
	}
	for _, path := range paths {
		up := filter.Upwards(path)
		query, args := filter.Above(origin, up, up[len(up)-1], n.Kind, ownerID)
		rows, err := on.Query(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		if all, err = scanAbove(rows, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func scanAbove(rows Rows, all []store.Place) ([]store.Place, error) {
	defer rows.Close()
	for rows.Next() {
		var kind string
		var p store.Place
		if err := rows.Scan(&kind, &p.ID); err != nil {
			return nil, err
		}
		if p.Kind = filter.KindOf(kind); !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all, rows.Err()
}

// Within gives the networks of limits that have an address.
func Within(ctx context.Context, tx Conn, a netip.Addr) (all []string, err error) {
	networks, err := Column[string](ctx, tx, filter.Networks)
	for _, text := range networks {
		p, err := netip.ParsePrefix(text)
		if one, single := netip.ParseAddr(text); err != nil && single == nil {
			p, err = one.Unmap().Prefix(one.Unmap().BitLen())
		}
		if err == nil && p.Contains(a.Unmap().WithZone("")) {
			all = append(all, text)
		}
	}
	return all, err
}
