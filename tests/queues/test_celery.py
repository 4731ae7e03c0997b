"""
Celery with real workers: every pool, everything that sends a task, and what is not sent.
"""

from __future__ import annotations

from collections import Counter

import celery
import pytest
from celery import chain, chord, group, signals
from kombu import Exchange, Queue
from workers import Workers

import cxcontext as cx
from cxcontext.errors import ContextRequiredError, UsageError
from cxcontext.homes import Home
from cxcontext.homes.places import RestingPlace
from cxcontext.queues.celery import setup, setup_sender, setup_worker
from cxcontext.queues.messages import Messages, requires_context
from cxcontext.stores.redis import RedisStore
from cxcontext.testing.contract import Process, Shop
from cxcontext.testing.shop import NAME, NOBODY, customer

PATIENCE_S = 60
POOLS = [
    ("redis", "prefork"),
    ("redis", "threads"),
    ("redis", "gevent"),
    ("rabbitmq", "prefork"),
]


@pytest.fixture(scope="module", params=POOLS, ids="-".join)
def workers(request, tmp_path_factory, redis_url):
    """
    Two processes, or eight threads or greenlets, of billing's.
    """
    broker, pool = request.param
    url = redis_url if broker == "redis" else request.getfixturevalue("rabbitmq_url")
    with Workers(url, redis_url, tmp_path_factory.mktemp("shop"), pool) as started:
        yield started


@pytest.fixture
def notes(workers):
    """
    The workers, with nothing written down.
    """
    workers.notes.delete(f"{workers.queue}-seen", f"{workers.queue}-refused")
    return workers


def expect_own(workers, count):
    """
    Return which tasks ran, having seen each with its own customer's journey.
    """
    seen = workers.seen(count)
    assert [] == [one for one in seen if one["seen"] != [one["whose"]] * 2]
    assert [] == workers.refused()
    return Counter(one["task"] for one in seen)


class TestWorkers:
    """
    Whatever sends a task, and however late it runs, it has its own customer's journey.
    """

    def test_customers_who_meet_never_mix(self, notes):
        """
        Of many tasks at once each has the journey of its own sender, or none.
        """
        for number in range(60):
            whose = f"Customer {number}" if number % 3 else None
            with notes.customer(whose):
                notes.task("see", whose or "nobody", pause_s=0.005).delay()

        assert {"see": 60} == expect_own(notes, 60)

    def test_whatever_sends_a_task_takes_the_journey_along(self, notes):
        """
        Chain, chord, group, link, countdown, a task that sends one or is replaced.
        """
        see = notes.task
        for whose in ("Ada", "Grace"):
            with notes.customer(whose):
                chain(
                    see("see", whose),
                    see("see", whose).set(immutable=True),
                    see("send_on", whose).set(immutable=True),
                ).delay()
                chord([see("see", whose), see("see", whose)])(see("see_all", whose))
                group([see("see", whose)] * 2).delay()
                see("see", whose).apply_async(
                    link=see("see", whose).set(immutable=True)
                )
                see("see", whose).apply_async(countdown=0.2)
                see("replace", whose).delay()

        # A chain of two and what the third sends, a chord's two, a group's two, a task
        # and its link, one that waited, and one in place of another.
        assert {"see": 2 * 11, "see_all": 2} == expect_own(notes, 2 * 12)

    def test_a_retry_keeps_its_value(self, notes):
        """
        Asked for or by itself, it is the same message again and no replay.
        """
        with notes.customer("Ada"):
            notes.task("retry", "Ada").delay()
            notes.task("retry_by_itself", "Ada").delay()

        counted = {f"retry {time}": 1 for time in range(3)}
        assert counted | {"retry_by_itself": 2} == expect_own(notes, 5)

    def test_a_task_that_requires_a_journey_runs_with_one_only(self, notes):
        """
        Without one it fails, as any task does, with the error that says why.
        """
        with notes.customer("Ada"):
            done = notes.task("only_with", "Ada").delay()
        with notes.customer(None):
            failed = notes.task("only_with", "Ada").delay()
        forged = notes.task("only_with", "Ada").apply_async(
            headers={"customer-context": "cx1.AAAA"}
        )

        assert "Ada" == done.get(timeout=PATIENCE_S)
        with pytest.raises(ContextRequiredError, match="absent"):
            failed.get(timeout=PATIENCE_S)
        assert forged.get(timeout=PATIENCE_S, propagate=False).code == "absent"

    def test_what_is_refused_says_so_and_the_task_runs(self, notes):
        """
        Poison that gets past sales runs with a journey that is rejected.
        """
        signals.before_task_publish.disconnect(dispatch_uid="cxcontext")
        try:
            for value in ("x", "cx1." + "A" * 70_000, 7, None, ["x"], {"a": "b"}):
                headers = {"customer-context": value}
                notes.task("see", "refused").apply_async(headers=headers)
        finally:
            setup_sender(notes.sending)

        seen = Counter(one["seen"][0] for one in notes.seen(6))
        # What is None is no value, as Celery's own attributes have it.
        assert {"refused": 5, "nobody": 1} == seen
        assert 5 == len(notes.refused())

    def test_what_a_task_learned_is_brought_home(self, notes, redis_url):
        """
        A back-office job ends with `Home.contribute`, and sales knows it next time.
        """
        with notes.customer("Ada"):
            place = notes.task("learn", "ada@example.com").delay()
            place = RestingPlace.parse(place.get(timeout=PATIENCE_S))

        store = RedisStore.from_url(redis_url, prefix=notes.queue)
        sales = notes.sales.department("sales")
        journey = Home(store, pepper=b"p" * 32).resume(place, department=sales)
        assert ("Ada", "ada@example.com") == (
            journey.recall(Shop.name),
            journey.recall(Shop.email),
        )
        store.close()


@pytest.fixture
def app():
    """
    An app of this process, both of whose ends are sales'; it talks to nobody.
    """
    app = celery.Celery("eager", broker="memory://", set_as_current=False)
    app.conf.update(task_always_eager=True, task_default_queue="tasks")
    yield app
    for signal in (
        signals.before_task_publish,
        signals.task_prerun,
        signals.task_postrun,
    ):
        signal.disconnect(dispatch_uid="cxcontext")
    app.close()


@pytest.fixture
def sales():
    """
    The shop as sales' process has it.
    """
    return Process()


def messages_of(process, name="sales", **options):
    """
    Return messages to billing, whose queue is called tasks.
    """
    to_billing = cx.Destination("billing", queues=["tasks"], **options)
    return Messages(propagator=cx.Propagator(process.department(name), [to_billing]))


class TestEager:
    """
    Tasks that run where they are called.
    """

    def test_the_callers_journey_is_seen_and_stays(self, app, sales):
        """
        It is current in the task and after it, whatever the task did.
        """
        setup(messages_of(sales))

        @app.task(shared=False)
        def inner():
            return customer()

        @app.task(shared=False)
        def outer():
            seen = [inner.delay().result]
            with cx.bound(sales.begin("Grace")):
                seen.append(inner.delay().result)
            return [*seen, customer()]

        with cx.bound(sales.begin()) as journey:
            assert [NAME.encode(), b"Grace", NAME.encode()] == outer.delay().get()
            assert journey is cx.current()
        assert cx.current() is None

    @pytest.mark.parametrize("with_one", [True, False])
    def test_requires_context_takes_the_callers(self, app, sales, with_one):
        """
        It works below ``@app.task``, bound or not, and the task keeps its name.
        """
        setup(messages_of(sales))

        @app.task(shared=False, bind=True)
        @requires_context
        def send_invoice(self, amount):
            return self.name, amount

        with cx.bound(sales.begin() if with_one else None):
            sent = send_invoice.delay(amount=3)

        assert send_invoice.name.endswith(".send_invoice")
        if with_one:
            assert (send_invoice.name, 3) == sent.get()
        else:
            with pytest.raises(ContextRequiredError):
                sent.get()


class TestSending:
    """
    What is written into a task's headers, seen after the adapter and before the broker.
    """

    @pytest.fixture
    def sent(self, app, sales):
        """
        Return the headers of a task that is sent with these options.
        """
        app.conf.task_always_eager = False
        seen = []

        def after(headers, **_):
            seen.append(headers)

        signals.after_task_publish.connect(after)
        yield lambda **o: (app.send_task("name", **o), seen.pop())[1]
        signals.after_task_publish.disconnect(after)

    @pytest.mark.parametrize("headers", [None, {}, {"mine": 1}])
    def test_the_value_is_at_the_top_beside_the_users(self, sent, sales, headers):
        """
        Whether the user has headers of their own or none.
        """
        setup_sender(messages_of(sales))
        with cx.bound(sales.begin()):
            made = sent(headers=headers)

        assert "cx1." == made["customer-context"][:4]
        assert "customer-context" not in (headers or {})
        assert (headers or {}).items() <= made.items()

    @pytest.mark.parametrize(
        ("options", "goes"),
        [
            ({}, True),
            ({"queue": "tasks"}, True),
            ({"routing_key": "tasks", "exchange": ""}, True),
            ({"queue": "other"}, False),
            # Which queues an exchange leads to, only the broker knows.
            ({"routing_key": "tasks", "exchange": "events"}, False),
        ],
    )
    def test_the_queues_name_decides(self, sent, sales, options, goes):
        """
        A queue is meant by its name, and nothing goes where none is.
        """
        setup_sender(messages_of(sales))
        with cx.bound(sales.begin()):
            made = sent(**options)

        assert goes == ("customer-context" in made)

    def test_a_queue_behind_an_exchange_is_known_by_its_name(self, app, sent, sales):
        """
        Where the app declares queue, exchange and key, the queue's name counts.
        """
        app.conf.task_queues = [
            Queue("tasks", Exchange("events", type="topic"), routing_key="invoice.#")
        ]
        setup_sender(messages_of(sales))
        with cx.bound(sales.begin()):
            made = sent(queue="tasks", routing_key="invoice.sent")

        assert "customer-context" in made

    def test_the_first_protocol_has_it_too(self, app, sent, sales):
        """
        Of a message for workers before Celery 4, headers are all that there is.
        """
        app.conf.task_protocol = 1
        setup_sender(messages_of(sales))
        with cx.bound(sales.begin()):
            made = sent()

        assert ["customer-context"] == [*made]

    def test_setting_up_again_replaces_what_was_set_up(self, sent, sales):
        """
        There is one department in a process, the one that was set up last.
        """
        setup_sender(messages_of(sales))
        nobody = cx.Propagator(sales.department("sales"))
        setup_sender(Messages(propagator=nobody))
        with cx.bound(sales.begin()):
            assert "customer-context" not in sent()

    @pytest.mark.parametrize("set_up", [setup, setup_sender, setup_worker])
    def test_what_is_awaited_is_refused_at_once(self, sales, app, set_up):
        """
        A signal cannot await, and whatever it raises is only logged.
        """

        class References:
            async def deposit(self, *args, **kwargs):
                raise NotImplementedError

        department = sales.department("sales")
        awaited = cx.Propagator(department, references=References())
        with pytest.raises(UsageError, match="awaited"):
            set_up(Messages(propagator=awaited))


class TestBound:
    """
    Deliveries that are bound to the task's id.
    """

    @pytest.mark.parametrize(
        ("same", "seen"), [(True, NAME.encode()), (False, b"refused")]
    )
    def test_another_task_does_not_have_its_value(self, app, sales, same, seen):
        """
        A value that was moved to another task's message is refused there.
        """
        billing, found, given = Process(), [], {}
        app.conf.task_always_eager = False
        setup_sender(messages_of(sales, bound=True))
        setup_worker(messages_of(billing, "billing"), bound=True)

        @app.task(shared=False, name="look")
        def look():
            found.append(customer())

        signals.before_task_publish.connect(
            keep := lambda headers, **_: given.update(headers)
        )
        with cx.bound(sales.begin()):
            task = look.delay()
        signals.before_task_publish.disconnect(keep)
        run = celery.app.trace.build_tracer("look", look, app=app)
        task_id = task.id if same else celery.utils.uuid()
        with cx.bound(None):
            run(task_id, [], {}, given | {"id": task_id})

        assert [seen] == found
        assert ([] if same else ["wrong_binding"]) == billing.codes()
        assert NOBODY == customer()
