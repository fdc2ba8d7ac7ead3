//! Waiting as one would write it for ten pushes: everything is looked at.

use std::collections::VecDeque;

use super::*;

#[derive(Debug, Default)]
pub(super) struct Model {
    lanes: [VecDeque<Item>; 3],
    /// In the order in which they were made.
    pub(super) holds: Vec<ModelHold>,
}

#[derive(Debug)]
pub(super) struct ModelHold {
    pub(super) due: Instant,
    device: Option<u8>,
    items: VecDeque<Item>,
}

/// Where the model keeps an item: in a hold or a lane, and the place there.
pub(super) enum Place {
    Held(usize, usize),
    Queued(usize, usize),
}

impl Model {
    pub(super) fn lane(&mut self, item: &Item) -> &mut VecDeque<Item> {
        &mut self.lanes[item.lane as usize]
    }

    pub(super) fn find(&self, wanted: impl Fn(&Item) -> bool) -> Option<Place> {
        let queued = self.lanes.iter().enumerate().find_map(|(lane, items)| {
            let place = items.iter().position(&wanted)?;
            Some(Place::Queued(lane, place))
        });
        let held = || {
            self.holds.iter().enumerate().find_map(|(hold, held)| {
                let place = held.items.iter().position(&wanted)?;
                Some(Place::Held(hold, place))
            })
        };
        queued.or_else(held)
    }

    pub(super) fn find_key(&self, of: &Item) -> Option<Place> {
        of.key?;
        self.find(|item| (item.device, item.key) == (of.device, of.key))
    }

    pub(super) fn get_mut(&mut self, place: &Place) -> &mut Item {
        match *place {
            Place::Queued(lane, place) => &mut self.lanes[lane][place],
            Place::Held(hold, place) => &mut self.holds[hold].items[place],
        }
    }

    pub(super) fn remove(&mut self, place: &Place) -> Item {
        let removed = match *place {
            Place::Queued(lane, place) => self.lanes[lane].remove(place),
            Place::Held(hold, place) => self.holds[hold].items.remove(place),
        };
        self.holds
            .retain(|hold| hold.device.is_some() || !hold.items.is_empty());
        removed.unwrap()
    }

    pub(super) fn of_device(&mut self, device: u8) -> Option<&mut ModelHold> {
        let mut holds = self.holds.iter_mut();
        holds.find(|hold| hold.device == Some(device))
    }

    pub(super) fn push(&mut self, item: Item) -> Option<u32> {
        let Some(place) = self.find_key(&item) else {
            self.lane(&item).push_back(item);
            return None;
        };
        let in_place = match place {
            Place::Queued(lane, _) => lane == item.lane as usize,
            Place::Held(hold, _) => self.holds[hold].device.is_some(),
        };
        if in_place {
            return Some(std::mem::replace(self.get_mut(&place), item).name);
        }
        let older = self.remove(&place);
        match place {
            Place::Queued(..) => self.lane(&item).push_back(item),
            Place::Held(..) => self.queue_in_front(item),
        }
        Some(older.name)
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        loop {
            let item = self.lanes.iter_mut().find_map(VecDeque::pop_front)?;
            match self.of_device(item.device) {
                Some(hold) => hold.items.push_back(item),
                None => return Some(item),
            }
        }
    }

    /// `Err` is the item itself, `Ok` an older one: who ends superseded.
    pub(super) fn make_way(&mut self, item: &Item) -> Result<Option<u32>, u32> {
        let Some(place) = self.find_key(item) else {
            return Ok(None);
        };
        if self.get_mut(&place).order > item.order {
            return Err(item.name);
        }
        Ok(Some(self.remove(&place).name))
    }

    pub(super) fn push_again(&mut self, item: Item) -> Option<u32> {
        let superseded = match self.make_way(&item) {
            Err(itself) => return Some(itself),
            Ok(older) => older,
        };
        self.queue_in_front(item);
        superseded
    }

    pub(super) fn overtake(&mut self, item: &Item) -> Result<Option<u32>, u32> {
        self.make_way(item)
    }

    pub(super) fn take_over(&mut self, item: Item) -> Option<u32> {
        if let Some(place @ Place::Queued(lane, _)) = self.find_key(&item)
            && lane == item.lane as usize
            && self.get_mut(&place).order < item.order
        {
            return Some(std::mem::replace(self.get_mut(&place), item).name);
        }
        let superseded = match self.make_way(&item) {
            Err(itself) => return Some(itself),
            Ok(older) => older,
        };
        self.lane(&item).push_back(item);
        superseded
    }

    pub(super) fn hold(&mut self, item: Item, due: Instant) -> Option<u32> {
        let superseded = match self.make_way(&item) {
            Err(itself) => return Some(itself),
            Ok(older) => older,
        };
        self.holds.push(ModelHold {
            due,
            device: None,
            items: [item].into(),
        });
        superseded
    }

    pub(super) fn hold_device(&mut self, item: Item, due: Instant) -> Option<u32> {
        match self.of_device(item.device) {
            Some(hold) => hold.due = hold.due.max(due),
            None => self.holds.push(ModelHold {
                due,
                device: Some(item.device),
                items: VecDeque::new(),
            }),
        }
        self.push_again(item)
    }

    pub(super) fn queue_in_front(&mut self, item: Item) {
        match self.of_device(item.device) {
            Some(hold) => {
                let newer = hold.items.iter().position(|other| other.order > item.order);
                let place = newer.unwrap_or(hold.items.len());
                hold.items.insert(place, item);
            }
            None => self.lane(&item).push_front(item),
        }
    }

    pub(super) fn release(&mut self, now: Instant) {
        let all = std::mem::take(&mut self.holds);
        let (mut due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|hold| hold.due <= now);
        self.holds = later;
        due.sort_by_key(|hold| hold.due);
        let items: Vec<_> = due.into_iter().flat_map(|hold| hold.items).collect();
        for item in items.into_iter().rev() {
            self.queue_in_front(item);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Item> {
        let held = self.holds.iter().flat_map(|hold| &hold.items);
        self.lanes.iter().flatten().chain(held)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Item> {
        let held = self.holds.iter_mut().flat_map(|hold| &mut hold.items);
        self.lanes.iter_mut().flatten().chain(held)
    }

    pub(super) fn in_lanes(&self) -> [usize; 3] {
        std::array::from_fn(|lane| self.lanes[lane].len())
    }

    pub(super) fn held(&self) -> usize {
        self.holds.iter().map(|hold| hold.items.len()).sum()
    }
}
