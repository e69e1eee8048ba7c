//! One case on one database: the product and its floors, one after another.

use std::path::Path;

use anyhow::Result;

use crate::cases::{Case, Floor};
use crate::machine::Work;
use crate::server::Server;
use crate::wrk::{self, Figures};

/// The numbers of connections.
pub const CONNECTIONS: [u32; 2] = [64, 1000];

/// One line of the table.
pub struct Row {
    pub database: &'static str,
    pub case: String,
    pub connections: u32,
    pub product: Figures,
    /// The same SQL without the ORM.
    pub sql: Option<Figures>,
    /// The same bytes.
    pub bytes: Figures,
    /// The largest share of the machine that others took in one of the figures.
    pub others: f64,
}

/// The servers of one database.
pub struct Field<'a> {
    pub product: &'a Server,
    pub sql: &'a Server,
    pub bytes: &'a Server,
    pub seconds: u32,
    pub directory: &'a Path,
}

impl Field<'_> {
    fn one(&self, server: &Server, case: &Case, connections: u32, nonce: u32, others: &mut f64) -> Result<Figures> {
        let pids = [self.product.pid(), self.sql.pid(), self.bytes.pid()];
        let before = Work::now(&pids);
        let figures = wrk::run(server.port, &case.script, nonce, connections, self.seconds, self.directory)?;
        *others = others.max(Work::others_since(before, &pids));
        Ok(figures)
    }

    /// Measures a case at every number of connections. The product comes last: what its
    /// workers still do after it must not lie on the floors.
    pub fn measure(&self, database: &'static str, case: &Case, nonce: u32) -> Result<Vec<Row>> {
        for server in [self.sql, self.bytes, self.product] {
            wrk::run(server.port, &case.script, nonce, 64, 1, self.directory)?;
        }
        let mut rows = Vec::new();
        for (index, connections) in (1..).zip(CONNECTIONS) {
            let mut others = 0.0;
            let nonce = nonce + index;
            let bytes = self.one(self.bytes, case, connections, nonce, &mut others)?;
            let sql = match case.floor {
                Floor::Sql => Some(self.one(self.sql, case, connections, nonce, &mut others)?),
                Floor::Bytes => None,
            };
            let product = self.one(self.product, case, connections, nonce, &mut others)?;
            rows.push(Row { database, case: case.name.clone(), connections, product, sql, bytes, others });
        }
        Ok(rows)
    }
}
