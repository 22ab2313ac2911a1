//! Moments: which one, by number.

use insitu_disclosure::{Association, Dispersion};

use crate::{Malformed, v1};

pub(crate) const fn encode_dispersion(of: Dispersion) -> v1::DispersionKind {
    use v1::DispersionKind as K;
    match of {
        Dispersion::VarianceOfSample => K::VarianceOfSample,
        Dispersion::VarianceOfPopulation => K::VarianceOfPopulation,
        Dispersion::DeviationOfSample => K::DeviationOfSample,
        Dispersion::DeviationOfPopulation => K::DeviationOfPopulation,
    }
}

pub(crate) fn decode_dispersion(number: i32) -> Result<Dispersion, Malformed> {
    use v1::DispersionKind as K;
    Ok(match K::try_from(number).map_err(|_| Malformed::Unknown)? {
        K::Unspecified => return Err(Malformed::Field("dispersion")),
        K::VarianceOfSample => Dispersion::VarianceOfSample,
        K::VarianceOfPopulation => Dispersion::VarianceOfPopulation,
        K::DeviationOfSample => Dispersion::DeviationOfSample,
        K::DeviationOfPopulation => Dispersion::DeviationOfPopulation,
    })
}

pub(crate) const fn encode_association(of: Association) -> v1::AssociationKind {
    use v1::AssociationKind as K;
    match of {
        Association::CovarianceOfSample => K::CovarianceOfSample,
        Association::CovarianceOfPopulation => K::CovarianceOfPopulation,
        Association::Correlation => K::Correlation,
        Association::Slope => K::Slope,
        Association::Intercept => K::Intercept,
        Association::Determination => K::Determination,
        Association::Pairs => K::Pairs,
        Association::MeanOfX => K::MeanOfX,
        Association::MeanOfY => K::MeanOfY,
        Association::SquaresOfX => K::SquaresOfX,
        Association::SquaresOfY => K::SquaresOfY,
        Association::Products => K::Products,
    }
}

pub(crate) fn decode_association(number: i32) -> Result<Association, Malformed> {
    use v1::AssociationKind as K;
    Ok(match K::try_from(number).map_err(|_| Malformed::Unknown)? {
        K::Unspecified => return Err(Malformed::Field("association")),
        K::CovarianceOfSample => Association::CovarianceOfSample,
        K::CovarianceOfPopulation => Association::CovarianceOfPopulation,
        K::Correlation => Association::Correlation,
        K::Slope => Association::Slope,
        K::Intercept => Association::Intercept,
        K::Determination => Association::Determination,
        K::Pairs => Association::Pairs,
        K::MeanOfX => Association::MeanOfX,
        K::MeanOfY => Association::MeanOfY,
        K::SquaresOfX => Association::SquaresOfX,
        K::SquaresOfY => Association::SquaresOfY,
        K::Products => Association::Products,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_comes_through_under_its_number() {
        for (i, of) in Dispersion::ALL.into_iter().enumerate() {
            let number = encode_dispersion(of) as i32;
            assert_eq!(usize::try_from(number), Ok(i + 1), "{of:?}");
            assert_eq!(decode_dispersion(number), Ok(of));
        }
        for (i, of) in Association::ALL.into_iter().enumerate() {
            let number = encode_association(of) as i32;
            assert_eq!(usize::try_from(number), Ok(i + 1), "{of:?}");
            assert_eq!(decode_association(number), Ok(of));
        }
        assert_eq!(decode_dispersion(0), Err(Malformed::Field("dispersion")));
        assert_eq!(decode_association(13), Err(Malformed::Unknown));
    }
}
