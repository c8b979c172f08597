//! What a judgement finds: features, and families of features.

use serde::{Deserialize, Serialize};

use super::{Clustering, Effect, Family};

/// What is compared of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// The mean of a case.
    Mean,
    /// The spread within a case, which a minority of unusual images widens. Only an increase counts: features of larger images
    /// are means over more of the tissue, so that they spread less.
    Spread,
}

/// Judgement of one quantity of a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the feature.
    pub feature: String,
    /// Family of the feature.
    pub family: Family,
    /// What is compared.
    pub quantity: Quantity,
    /// Number of reference cases and current cases that have the feature.
    pub cases: [usize; 2],
    /// Two-sample t statistic of the cases; positive if the current values are larger. `None` if neither side varies.
    pub statistic: Option<f64>,
    /// P-value, adjusted for all quantities of all features, in (0, 1]; `None` where there are too few cases to judge.
    pub p_value: Option<f64>,
    /// Difference of the sides.
    pub effect: Effect,
    /// Resemblance of the reference images of a case; `None` where every case has one image.
    pub clustering: Option<Clustering>,
}

/// Judgement of a family of features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FamilyVerdict {
    /// The family.
    pub family: Family,
    /// Whether its smallest p-value is below alpha.
    pub drifted: bool,
    /// Smallest p-value of its findings; `None` where there are too few cases to judge.
    pub p_value: Option<f64>,
    /// Index of the finding with that p-value in [`super::Judgement::findings`], or of the largest effect where there is none.
    pub leading: usize,
    /// The same after subtracting what the composition of the images explains; `None` for the case mix itself, and where the
    /// composition is not known on both sides or has too few cases.
    pub given_composition: Option<GivenComposition>,
}

/// Judgement of a family given the composition of the images: their tissue, and the areas of the predicted classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GivenComposition {
    /// Features that describe the composition.
    pub composition: Vec<String>,
    /// Smallest p-value of the family, adjusted for all features that are compared given the composition.
    pub p_value: f64,
    /// Difference in the feature with that p-value.
    pub effect: Effect,
    /// Name of that feature.
    pub feature: String,
}

impl FamilyVerdict {
    /// Whether the family differs only as much as the other composition of the images lets expect. The composition must have
    /// drifted itself: without that, it is no cause.
    pub fn is_explained(&self, case_mix_drifted: bool, alpha: f64) -> bool {
        let given = self.given_composition.as_ref();
        self.drifted && case_mix_drifted && given.is_some_and(|given| given.p_value >= alpha)
    }
}

/// Orders findings by p-value, then means before spreads, then by size of the effect, and returns the verdict of each family.
pub(super) fn families(findings: &mut [Finding], alpha: f64) -> Vec<FamilyVerdict> {
    findings.sort_by(|a, b| {
        let p = |finding: &Finding| finding.p_value.unwrap_or(1.0);
        let size = |finding: &Finding| finding.effect.value.abs();
        p(a).total_cmp(&p(b)).then(a.quantity.cmp(&b.quantity)).then_with(|| size(b).total_cmp(&size(a)))
    });
    let mut families: Vec<FamilyVerdict> = Vec::new();
    for (leading, finding) in findings.iter().enumerate() {
        let Finding { family, p_value, .. } = *finding;
        if !families.iter().any(|known| known.family == family) {
            let drifted = p_value.is_some_and(|p_value| p_value < alpha);
            families.push(FamilyVerdict { family, drifted, p_value, leading, given_composition: None });
        }
    }
    families
}
