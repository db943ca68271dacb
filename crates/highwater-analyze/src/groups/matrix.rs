//! The values of all processes, row by row, with the sampling variance of each.

/// The group that a process belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupSide {
    /// The processes that are compared with.
    Base,
    /// The processes in question.
    New,
}

impl GroupSide {
    pub(crate) const BOTH: [Self; 2] = [Self::Base, Self::New];

    /// The name of the group.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::New => "new",
        }
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self == Self::New)
    }
}

/// One value a row and process, each with its sampling variance.
#[derive(Clone, Debug, Default)]
pub struct GroupMatrix {
    /// The group of each process.
    pub sides: Vec<GroupSide>,
    /// What one sample stands for at the most that a process missed, in the unit of the values: its sampling interval where bytes
    /// are added up, 0 where everything was counted.
    pub unseen: Vec<f64>,
    /// Of each row the value of each process, in the order of `sides`.
    pub values: Vec<Vec<f64>>,
    /// Of each row the sampling variance of each value.
    pub variances: Vec<Vec<f64>>,
    /// Of each row the size of its blocks, in the unit of the values; 0 where it is not known.
    pub blocks: Vec<f64>,
}

impl GroupMatrix {
    /// Number of processes of a group.
    pub(crate) fn count(&self, side: GroupSide) -> usize {
        self.sides.iter().filter(|it| **it == side).count()
    }

    /// Degrees of freedom that the spread within both groups has.
    pub(crate) fn freedom(&self) -> f64 {
        GroupSide::BOTH.map(|it| self.count(it).saturating_sub(1)).iter().sum::<usize>() as f64
    }

    /// Positions of the processes of a group.
    pub(crate) fn members(&self, side: GroupSide) -> impl Iterator<Item = usize> + '_ {
        self.sides.iter().enumerate().filter(move |it| *it.1 == side).map(|it| it.0)
    }
}
