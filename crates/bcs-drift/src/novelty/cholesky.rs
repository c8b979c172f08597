//! Solution of positive definite systems.

/// Returns xᵀ·A⁻¹·x for a symmetric matrix A, row by row; `None` if it is not positive definite. By the Cholesky
/// decomposition A = L·Lᵀ, the form is the squared length of L⁻¹·x.
pub(super) fn quadratic_form(mut matrix: Vec<f64>, vector: &[f64]) -> Option<f64> {
    let size = vector.len();
    let mut solution: Vec<f64> = Vec::with_capacity(size);
    for row in 0..size {
        for column in 0..=row {
            let (left, right) = (row * size, column * size);
            let known: f64 = (0..column).map(|at| matrix[left + at] * matrix[right + at]).sum();
            let rest = matrix[left + column] - known;
            matrix[left + column] = if row == column {
                if rest <= 0.0 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / matrix[right + column]
            };
        }
        let known: f64 = solution.iter().zip(&matrix[row * size..]).map(|(solved, part)| solved * part).sum();
        solution.push((vector[row] - known) / matrix[row * size + row]);
    }
    Some(solution.iter().map(|value| value * value).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_those_of_numpy() {
        // x = [1, 2, 3]; x @ numpy.linalg.solve([[4, 1, 0.5], [1, 3, 0.2], [0.5, 0.2, 2]], x)
        let matrix = vec![4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0];
        let form = quadratic_form(matrix, &[1.0, 2.0, 3.0]).unwrap();
        assert!((form - FORM).abs() < 1e-9, "{form}");
        assert_eq!(quadratic_form(vec![1.0, 2.0, 2.0, 1.0], &[1.0, 1.0]), None);
    }

    const FORM: f64 = 5.493_658_994_833_254;
}
