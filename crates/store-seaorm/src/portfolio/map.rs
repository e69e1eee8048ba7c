//! Photos on a map, gathered in squares by the database.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Cond, Expr, Func, Order, Query};
use sharestack_content::model::{Bounds, Coordinate, PhotoId, Position};
use sharestack_content::ports::PhotoCluster;
use sharestack_kernel::error::StoreError;

use crate::connect::{Dialect, Store};
use crate::rows::{Fields, Stored, all, whole};

struct Square(PhotoCluster);

impl Stored for Square {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let n: i64 = fields.get("n")?;
        let middle = |name| -> Result<Coordinate, StoreError> {
            let sum: i64 = fields.get(name)?;
            Ok(Coordinate::stored(i32::try_from(sum / Ord::max(n, 1)).map_err(StoreError::corrupt)?))
        };
        Ok(Self(PhotoCluster {
            count: n.unsigned_abs(),
            center: Position { latitude: middle("north")?, longitude: middle("east")? },
            photo: PhotoId::new(fields.get("latest")?),
        }))
    }
}

impl Store {
    pub(super) async fn gather(&self, bounds: Bounds, cell: i64, limit: u64) -> Result<Vec<PhotoCluster>, StoreError> {
        let dialect = self.dialect();
        // Positive, so that dividing cuts the same way everywhere.
        let square = |column: &'static str| {
            let steps = whole(Expr::col(column), dialect).add(1_800_000_000_i64);
            match dialect {
                Dialect::MySql => Expr::cust_with_exprs("(?) DIV ?", [steps, Expr::val(cell)]),
                Dialect::Sqlite => steps.div(cell),
                Dialect::Postgres => Expr::cust_with_exprs("($1) / $2", [steps, Expr::val(cell)]),
            }
        };
        let sum = |column| whole(Func::sum(whole(Expr::col(column), dialect)).into(), dialect);
        let east = bounds
            .longitudes()
            .into_iter()
            .fold(Cond::any(), |any, (west, east)| any.add(Expr::col("longitude").between(west.steps(), east.steps())));
        let squares = Query::select()
            .expr_as(square("latitude"), "square_y")
            .expr_as(square("longitude"), "square_x")
            .columns(["latitude", "longitude", "id"])
            .from("photos")
            .and_where(Expr::col("listed").eq(true))
            .and_where(Expr::col("latitude").between(bounds.south.steps(), bounds.north.steps()))
            .cond_where(east)
            .to_owned();
        let select = Query::select()
            .expr_as(Expr::cust("COUNT(*)"), "n")
            .expr_as(sum("latitude"), "north")
            .expr_as(sum("longitude"), "east")
            .expr_as(Func::max(Expr::col("id")), "latest")
            .from_subquery(squares, "s")
            .group_by_columns(["square_y", "square_x"])
            .order_by_expr(Expr::cust("COUNT(*)"), Order::Desc)
            .order_by_expr(Func::max(Expr::col("id")).into(), Order::Asc)
            .limit(limit)
            .to_owned();
        let squares: Vec<Square> = all(self.read(), &select).await?;
        Ok(squares.into_iter().map(|Square(cluster)| cluster).collect())
    }
}
