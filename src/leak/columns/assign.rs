//! One optimal matching of rows with columns, each of which may stay alone, and by how much each pair is better than any matching
//! without it.
//!
//! The Hungarian algorithm by shortest augmenting paths, O(n^3): H. W. Kuhn, "The Hungarian method for the assignment problem"
//! (1955); R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems"
//! (1987). A matching without a given pair differs from the best one by cycles of exchanges, and the cheapest cycle through
//! the pair is what its absence costs: all of them by Floyd and Warshall's algorithm.

/// A pair of the best matching.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub row: usize,
    pub column: usize,
    /// How much the best matching is better than the best one without this pair; 0 if there is another one as good.
    pub margin: f64,
}

/// The pairs that add up to the highest score. A row or a column that is left alone counts 0, so no pair of a negative score
/// is made.
pub fn assign(scores: &[Vec<f64>]) -> Vec<Pair> {
    let (rows, columns) = (scores.len(), scores.first().map_or(0, Vec::len));
    let size = rows + columns;
    // Each row has a place of its own to stay alone in, each column likewise.
    let cost = |row: usize, column: usize| {
        if row < rows && column < columns { -scores[row][column] } else { 0.0 }
    };
    let column_of = cheapest(size, &cost);
    let cycles = cheapest_cycles(&column_of, &cost);
    let pairs = (0..rows).filter(|&row| column_of[row] < columns);
    pairs.map(|row| Pair { row, column: column_of[row], margin: cycles[row].max(0.0) }).collect()
}

/// For each row its column in the cheapest complete matching.
fn cheapest(size: usize, cost: &dyn Fn(usize, usize) -> f64) -> Vec<usize> {
    // Numbered from 1; row and column 0 stand for none yet.
    let (mut of_row, mut of_column) = (vec![0.0; size + 1], vec![0.0; size + 1]);
    let mut row_of = vec![0; size + 1];
    for row in 1..=size {
        row_of[0] = row;
        let (mut at, mut came_from) = (0, vec![0; size + 1]);
        let (mut nearest, mut done) = (vec![f64::INFINITY; size + 1], vec![false; size + 1]);
        while row_of[at] != 0 {
            done[at] = true;
            let (from, mut step, mut next) = (row_of[at], f64::INFINITY, 0);
            for column in (1..=size).filter(|&column| !done[column]) {
                let reduced = cost(from - 1, column - 1) - of_row[from] - of_column[column];
                if reduced < nearest[column] {
                    (nearest[column], came_from[column]) = (reduced, at);
                }
                if nearest[column] < step {
                    (step, next) = (nearest[column], column);
                }
            }
            for column in 0..=size {
                if done[column] {
                    of_row[row_of[column]] += step;
                    of_column[column] -= step;
                } else {
                    nearest[column] -= step;
                }
            }
            at = next;
        }
        while at != 0 {
            row_of[at] = row_of[came_from[at]];
            at = came_from[at];
        }
    }
    let mut column_of = vec![0; size];
    (1..=size).for_each(|column| column_of[row_of[column] - 1] = column - 1);
    column_of
}

/// For each row what it costs at least that it takes another column, and whoever had that one yet another, and so on.
fn cheapest_cycles(column_of: &[usize], cost: &dyn Fn(usize, usize) -> f64) -> Vec<f64> {
    let size = column_of.len();
    let mut distance: Vec<Vec<f64>> = (0..size)
        .map(|row| {
            let own = cost(row, column_of[row]);
            let to =
                |other: usize| if other == row { f64::INFINITY } else { cost(row, column_of[other]) - own };
            (0..size).map(to).collect()
        })
        .collect();
    for via in 0..size {
        let from_via = distance[via].clone();
        for row in &mut distance {
            let to_via = row[via];
            for (direct, &onwards) in row.iter_mut().zip(&from_via) {
                *direct = direct.min(to_via + onwards);
            }
        }
    }
    (0..size).map(|row| distance[row][row]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The best total over all matchings, without one pair if one is forbidden.
    fn best(scores: &[Vec<f64>], row: usize, taken: u32, forbidden: Option<(usize, usize)>) -> f64 {
        let Some(candidates) = scores.get(row) else { return 0.0 };
        let free = (0..candidates.len()).filter(|&c| taken & 1 << c == 0 && forbidden != Some((row, c)));
        let paired = free.map(|c| candidates[c] + best(scores, row + 1, taken | 1 << c, forbidden));
        paired.fold(best(scores, row + 1, taken, forbidden), f64::max)
    }

    #[test]
    fn nothing_is_assigned_where_nothing_is() {
        assert_eq!(assign(&[]), []);
        assert_eq!(assign(&[vec![], vec![]]), []);
        assert_eq!(assign(&[vec![-1.0]]), []);
        let [pair] = assign(&[vec![2.0, 1.5]])[..] else { panic!("one pair") };
        assert_eq!((pair.row, pair.column, pair.margin), (0, 0, 0.5));
    }

    proptest! {
        #[test]
        fn the_best_matching_and_its_margins_are_those_of_brute_force(
            (rows, columns) in (1usize..6, 1usize..6), cells in prop::collection::vec(-8i32..20, 36),
        ) {
            let scores: Vec<Vec<f64>> = (0..rows)
                .map(|r| (0..columns).map(|c| f64::from(cells[r * 6 + c])).collect())
                .collect();
            let pairs = assign(&scores);
            let total: f64 = pairs.iter().map(|pair| scores[pair.row][pair.column]).sum();
            prop_assert_eq!(total, best(&scores, 0, 0, None));
            for pair in &pairs {
                let without = best(&scores, 0, 0, Some((pair.row, pair.column)));
                prop_assert!((pair.margin - (total - without)).abs() < 1e-9, "{pair:?} {without}");
            }
            let mut used: Vec<usize> = pairs.iter().map(|pair| pair.column).collect();
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), pairs.len());
        }
    }
}
