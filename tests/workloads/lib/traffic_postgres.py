# SPDX-License-Identifier: Apache-2.0
"""Traffic for PostgreSQL: a schema of the seed's own, rows and joins against a model, sorts that spill to disk, COPY,
large objects, functions, notifications, errors, cancelled queries, parallel workers, vacuum, checkpoints, log switches.

The model holds the two tables as Python values; what a query must answer is computed from them.
"""
from pgwire import ServerError, Session
from traffic import Traffic

SETUP = """
DROP SCHEMA IF EXISTS {schema} CASCADE;
CREATE SCHEMA {schema};
SET search_path = {schema};
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE,
                     amount numeric(10, 2) NOT NULL, note text);
CREATE INDEX orders_by_customer ON orders (customer);
CREATE FUNCTION taxed(amount numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RETURN round(amount * 1.19, 2); END $$;
CREATE VIEW totals AS SELECT customer, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY customer;
CREATE TABLE changes (id serial, what text);
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO changes (what) VALUES (TG_OP || ' ' || OLD.id); RETURN NULL; END $$;
CREATE TRIGGER log_changes AFTER UPDATE OR DELETE ON customers FOR EACH ROW EXECUTE FUNCTION log_change();
"""


class PostgresTraffic(Traffic):
    name, port = "postgres", 5432
    broken = (*Traffic.broken, ServerError)

    def __init__(self, address, source, seed):
        super().__init__(address, source, seed)
        self.schema = "t_" + "".join(c if c.isalnum() else "_" for c in str(seed)).lower()
        self.session = None
        self.customers, self.orders = {}, {}    # id -> [name, city]; id -> [customer, cents, note]
        self.changes = 0

    def open(self):
        session = Session(self.socket())
        session.query(f"SET search_path = {self.schema}")
        return session

    @property
    def sql(self):
        if self.session is None:
            self.session = self.open()
            self.session.prepare("customer", "SELECT name, city FROM customers WHERE id = $1")
        return self.session

    def reset(self):
        if self.session:
            self.session.close()
        self.session = None

    def ping(self):
        session = Session(self.socket())
        session.query("SELECT 1")
        session.close()

    def check(self, label, text, rows):
        self.expect(label, self.sql.query(text), rows)

    def done(self, label, text, tag):
        self.sql.query(text)
        self.expect(label, self.sql.tag, tag)

    def refused(self, label, code, text, session=None):
        try:
            (session or self.sql).query(text)
            self.expect(label, "no error", code)
        except ServerError as problem:
            self.expect(label, problem.code, code)

    def tour(self):
        yield self.create
        yield from (self.copy_in, self.add_customer, self.add_order, self.add_order)
        yield from (step for _, step in self.steps())
        # What has a name of its own on disk each time, more than once.
        yield self.vacuum_all
        for _ in range(3):
            yield from (self.vacuum, self.new_connection, self.big_sort, self.parallel, self.switch_log, self.checkpoint,
                        self.scratch_table, self.rewrite)

    def steps(self):
        return [(20, self.add_customer), (30, self.add_order), (20, self.find_customer), (12, self.prepared), (12, self.join),
                (8, self.view), (8, self.change), (4, self.delete), (3, self.search), (4, self.rollback), (3, self.savepoint),
                (5, self.errors), (3, self.function), (2, self.cursor), (2, self.copy_in), (2, self.copy_out),
                (1, self.big_sort), (0.5, self.parallel), (2, self.large_object), (2, self.notify), (0.5, self.cancel),
                (1, self.scratch_table), (0.5, self.vacuum), (0.5, self.rewrite), (0.5, self.checkpoint),
                (0.5, self.switch_log), (2, self.new_connection), (1, self.catalogue)]

    def create(self):
        session = Session(self.socket())
        session.query(SETUP.format(schema=self.schema))
        self.expect("CREATE the schema", session.tag, "CREATE TRIGGER")
        session.close()

    def finish(self):
        self.sql.query(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        self.reset()

    # Rows

    def _free(self, table):
        while True:
            number = self.rng.randrange(1, 100_000)
            if number not in table:
                return number

    def _customer(self):
        if not self.customers:
            self.add_customer()
        return self.rng.choice(sorted(self.customers))

    def add_customer(self):
        number, name = self._free(self.customers), self.words(2, 4)
        city = self.rng.choice([self.words(1, 1), None])
        self.customers[number] = [name, city]
        self.sql.execute("INSERT INTO customers VALUES ($1, $2, $3)", number, name, city)
        self.expect(f"INSERT customer {number}", self.sql.tag, "INSERT 0 1")

    def add_order(self):
        customer, number = self._customer(), self._free(self.orders)
        cents, note = self.rng.randrange(1, 1_000_000), self.words(1, 60)
        self.orders[number] = [customer, cents, note]
        self.sql.execute("INSERT INTO orders VALUES ($1, $2, $3, $4)", number, customer, _money(cents), note)
        self.expect(f"INSERT order {number}", self.sql.tag, "INSERT 0 1")

    def find_customer(self):
        number = self._customer()
        self.check(f"SELECT customer {number}", f"SELECT name, city FROM customers WHERE id = {number}", [self.customers[number]])

    def prepared(self):
        number = self._customer()
        self.expect(f"EXECUTE customer {number}", self.sql.run("customer", number), [self.customers[number]])

    def _of(self, customer):
        return sorted((number, *row) for number, row in self.orders.items() if row[0] == customer)

    def join(self):
        customer = self._customer()
        rows = [[self.customers[customer][0], str(number), _money(cents), note] for number, _, cents, note in self._of(customer)]
        self.check(f"JOIN orders of {customer}", f"SELECT c.name, o.id, o.amount, o.note FROM customers c JOIN orders o "
                   f"ON o.customer = c.id WHERE c.id = {customer} ORDER BY o.id", rows)

    def view(self):
        customer = self._customer()
        mine = self._of(customer)
        self.check(f"SELECT total of {customer}", f"SELECT orders, amount, taxed(amount) > amount FROM totals WHERE customer = {customer}",
                   [[str(len(mine)), _money(sum(row[2] for row in mine)), "t"]] if mine else [])

    def change(self):
        number = self._customer()
        self.customers[number][1] = self.words(1, 2)
        self.changes += 1
        self.done(f"UPDATE customer {number}", f"UPDATE customers SET city = '{self.customers[number][1]}' WHERE id = {number}", "UPDATE 1")
        self.check("SELECT changes", "SELECT count(*) FROM changes", [[str(self.changes)]])

    def delete(self):
        number = self._customer()
        del self.customers[number]
        self.orders = {order: row for order, row in self.orders.items() if row[0] != number}
        self.changes += 1
        self.done(f"DELETE customer {number}", f"DELETE FROM customers WHERE id = {number}", "DELETE 1")
        self.check("SELECT count of orders", "SELECT count(*) FROM orders", [[str(len(self.orders))]])

    def search(self):
        word = self.words(1, 1)
        hits = sorted(number for number, row in self.orders.items() if word in row[2])
        self.check(f"SELECT orders with {word}", f"SELECT id FROM orders WHERE note LIKE '%{word}%' ORDER BY id",
                   [[str(number)] for number in hits])

    # Transactions and errors

    def rollback(self):
        self.sql.query("BEGIN")
        self.sql.query("DELETE FROM orders")
        self.check("SELECT in the transaction", "SELECT count(*) FROM orders", [["0"]])
        self.done("ROLLBACK", "ROLLBACK", "ROLLBACK")
        self.check("SELECT after it", "SELECT count(*) FROM orders", [[str(len(self.orders))]])

    def savepoint(self):
        self.sql.query("BEGIN; SAVEPOINT here")
        self.refused("division by zero", "22012", "SELECT 1 / 0")
        self.refused("in a failed transaction", "25P02", "SELECT 1")
        self.sql.query("ROLLBACK TO here")
        self.done("COMMIT", "COMMIT", "COMMIT")

    def errors(self):
        number = self._customer()
        self.refused("a duplicate key", "23505", f"INSERT INTO customers VALUES ({number}, 'twice', NULL)")
        self.refused("a missing parent", "23503", f"INSERT INTO orders VALUES (0, {self._free(self.customers)}, 1, '')")
        self.refused("a missing table", "42P01", "SELECT * FROM nowhere")
        self.refused("no SQL", "42601", "SELEKT 1")

    def function(self):
        cents = self.rng.randrange(1, 10**7)
        taxed = (cents * 119 + 50) // 100
        self.check(f"taxed({_money(cents)})", f"SELECT taxed({_money(cents)})", [[_money(taxed)]])
        self.check("DO", "DO $$ BEGIN FOR i IN 1..100 LOOP PERFORM i; END LOOP; END $$; SELECT 'done'", [["done"]])

    def cursor(self):
        numbers = [[str(number)] for number in sorted(self.orders)]
        self.sql.query("BEGIN; DECLARE all_orders CURSOR FOR SELECT id FROM orders ORDER BY id")
        self.check("FETCH 5", "FETCH 5 FROM all_orders", numbers[:5])
        self.check("FETCH the rest", "FETCH ALL FROM all_orders", numbers[5:])
        self.sql.query("COMMIT")

    # Much at once

    def copy_in(self):
        lines = []
        for _ in range(self.rng.randint(20, 60)):
            customer, number = self._customer(), self._free(self.orders)
            self.orders[number] = [customer, self.rng.randrange(1, 10**6), self.words(1, 20)]
            lines.append(f"{number}\t{customer}\t{_money(self.orders[number][1])}\t{self.orders[number][2]}\n")
        self.expect("COPY in", self.sql.copy_in("COPY orders FROM STDIN", "".join(lines).encode()), f"COPY {len(lines)}")

    def copy_out(self):
        rows = "".join(f"{number},{row[0]},{_money(row[1])}\n" for number, row in sorted(self.orders.items()))
        self.expect("COPY out", self.sql.copy_out("COPY (SELECT id, customer, amount FROM orders ORDER BY id) TO STDOUT (FORMAT csv)"),
                    rows.encode())

    def big_sort(self):
        """More than work_mem holds: a temporary file. On a connection of its own, as a report would be."""
        session = self.open()
        session.query("SET work_mem = '64kB'")
        factor = self.rng.randrange(1, 9973)
        rows = session.query(f"SELECT n FROM (SELECT i * {factor} % 9973 AS n, repeat('x', 50) AS filler "
                             f"FROM generate_series(1, 6000) AS i ORDER BY n, filler OFFSET 5990) AS sorted")
        session.close()
        self.expect("a sort that spills", rows, [[str(n)] for n in sorted(i * factor % 9973 for i in range(1, 6001))[5990:]])

    def parallel(self):
        session = self.open()
        session.query("SET force_parallel_mode = on; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; "
                      "SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0")
        rows = session.query("SELECT count(*), sum(amount) FROM orders")
        session.close()
        self.expect("a parallel sum", rows, [[str(len(self.orders)), _money(sum(row[1] for row in self.orders.values()))
                                              if self.orders else None]])

    def large_object(self):
        text = self.words(200, 800)
        (identity,), = self.sql.query(f"SELECT lo_from_bytea(0, '{text}')")
        self.check("SELECT a large object", f"SELECT convert_from(lo_get({identity}), 'UTF8')", [[text]])
        self.check("lo_unlink", f"SELECT lo_unlink({identity})", [["1"]])

    def scratch_table(self):
        self.done("CREATE TABLE", "CREATE TABLE scratch AS SELECT i, md5(i::text) AS digest FROM generate_series(1, 300) AS i", "SELECT 300")
        self.done("CREATE INDEX", "CREATE INDEX ON scratch (digest)", "CREATE INDEX")
        self.check("SELECT by the index", "SELECT i FROM scratch WHERE digest = md5('77')", [["77"]])
        self.done("TRUNCATE", "TRUNCATE scratch", "TRUNCATE TABLE")
        self.done("DROP TABLE", "DROP TABLE scratch", "DROP TABLE")

    # Several clients

    def notify(self):
        text = self.words(1, 5)
        listener = self.open()
        listener.query("LISTEN news")
        self.done("NOTIFY", f"NOTIFY news, '{text}'", "NOTIFY")
        for _ in range(1000):
            listener.query("SELECT 1")
            if listener.notifications:
                break
        self.expect("the notification", listener.notifications, [("news", text)])
        listener.close()

    def cancel(self):
        session = self.open()
        session.send("SELECT pg_sleep(60)")
        # Asked again until it is taken: a request that comes before the query has begun is dropped, as documented.
        session.sock.settimeout(0.3)
        code = None
        for _ in range(50):
            session.cancel(self.socket)
            try:
                session.result()
                code = "no error"
                break
            except ServerError as problem:
                code = problem.code
                break
            except TimeoutError:
                session.stream.close()
                session.stream = session.sock.makefile("rb")
        session.close()
        self.expect("a cancelled query", code, "57014")

    def new_connection(self):
        self.reset()
        self.check("SELECT current_schema", "SELECT current_schema()", [[self.schema]])

    # The server itself

    def vacuum(self):
        """With the catalogue's main tables: its caches on disk are then written anew by the next connection."""
        self.done("VACUUM", "VACUUM (ANALYZE) pg_class, pg_attribute, customers, orders", "VACUUM")

    def vacuum_all(self):
        """The whole database. In the tour only: it takes longer than a hundred other answers."""
        self.done("VACUUM the database", "VACUUM (ANALYZE)", "VACUUM")

    def rewrite(self):
        self.done("VACUUM FULL", f"VACUUM FULL {self.schema}.orders", "VACUUM")
        self.done("REINDEX", f"REINDEX TABLE {self.schema}.orders", "REINDEX")

    def checkpoint(self):
        self.done("CHECKPOINT", "CHECKPOINT", "CHECKPOINT")

    def switch_log(self):
        self.expect("pg_switch_wal", len(self.sql.query("SELECT pg_switch_wal()")), 1)

    def catalogue(self):
        self.check("SELECT the tables", f"SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = '{self.schema}'::regnamespace "
                   "ORDER BY relname", [["changes"], ["customers"], ["orders"]])
        self.check("SHOW", "SHOW server_encoding", [["UTF8"]])


def _money(cents):
    return f"{cents // 100}.{cents % 100:02}"


GENERATOR = PostgresTraffic
