"""Customers, students and instructors."""

from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, reaches, requires
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, IfMatch, Session, documented, query_of
from api.people.schemas import (
    CustomerIn,
    CustomerOut,
    CustomerPatch,
    CustomerStudentIn,
    InstructorIn,
    InstructorOut,
    InstructorPatch,
    StudentIn,
    StudentOut,
    StudentPatch,
)
from api.resources import Response, created, hard_delete_allowed, listing
from models.identity.permissions import Scope
from models.kernel.paging import Listing
from models.people import service as people
from models.people.service import CustomerPage, InstructorPage, StudentOrder, StudentPage


class CustomersController(Controller):
    path = "/customers"
    tags = ("People",)

    @get(
        "/", guards=[requires(Scope.READ_CUSTOMERS)], summary="List customers",
        dependencies={"page": query_of(CustomerPage)}, operation_class=documented(CustomerPage),
    )  # fmt: skip
    async def list_customers(self, session: Session, page: NamedDependency[CustomerPage]) -> Listing[CustomerOut]:
        """Searched by name, phone and email."""
        return listing(CustomerOut, *await people.list_customers(session, page))

    @post("/", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Create a customer")
    async def create_customer(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[CustomerIn]
    ) -> Response[CustomerOut]:
        customer = await people.create_customer(session, caller, data)
        return created(request, CustomerOut.of(customer), customer.id)

    @get("/{customer_id:uuid}", guards=[requires(Scope.READ_CUSTOMERS)], summary="Read a customer")
    async def get_customer(self, session: Session, customer_id: FromPath[UUID]) -> CustomerOut:
        return CustomerOut.of(await people.get_customer(session, customer_id))

    @put("/{customer_id:uuid}", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Replace a customer")
    async def replace_customer(
        self,
        session: Session,
        caller: CurrentCaller,
        customer_id: FromPath[UUID],
        data: JSONBody[CustomerIn],
        match: IfMatch,
    ) -> CustomerOut:
        return CustomerOut.of(await people.update_customer(session, caller, customer_id, data, match))

    @patch("/{customer_id:uuid}", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Change a customer")
    async def update_customer(
        self,
        session: Session,
        caller: CurrentCaller,
        customer_id: FromPath[UUID],
        data: JSONBody[CustomerPatch],
        match: IfMatch,
    ) -> CustomerOut:
        return CustomerOut.of(await people.update_customer(session, caller, customer_id, data, match))

    @delete("/{customer_id:uuid}", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Delete a customer")
    async def delete_customer(
        self,
        session: Session,
        caller: CurrentCaller,
        customer_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The customer leaves every list; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await people.delete_customer(session, caller, customer_id, match, hard=hard)

    @post("/{customer_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a customer")
    async def restore_customer(
        self, session: Session, caller: CurrentCaller, customer_id: FromPath[UUID]
    ) -> CustomerOut:
        return CustomerOut.of(await people.restore_customer(session, caller, customer_id))

    @get(
        "/{customer_id:uuid}/students", guards=[requires(Scope.READ_STUDENTS)], summary="List a customer's students",
        dependencies={"page": query_of(StudentOrder)}, operation_class=documented(StudentOrder),
    )  # fmt: skip
    async def list_students_of_customer(
        self, session: Session, customer_id: FromPath[UUID], page: NamedDependency[StudentOrder]
    ) -> Listing[StudentOut]:
        customer = await people.get_customer(session, customer_id)
        return listing(StudentOut, *await people.list_students(session, page, customer_id=customer.id))

    @post(
        "/{customer_id:uuid}/students", guards=[requires(Scope.WRITE_STUDENTS)], summary="Add a student to a customer"
    )
    async def create_student_of_customer(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        customer_id: FromPath[UUID],
        data: JSONBody[CustomerStudentIn],
    ) -> Response[StudentOut]:
        customer = await people.get_customer(session, customer_id)
        student = await people.create_student(session, caller, data, customer_id=customer.id)
        return created(request, StudentOut.of(student), student.id, under="students")


class StudentsController(Controller):
    path = "/students"
    tags = ("People",)

    @get(
        "/", guards=[reaches(Scope.READ_STUDENTS)], summary="List students",
        dependencies={"page": query_of(StudentPage)}, operation_class=documented(StudentPage),
    )  # fmt: skip
    async def list_students(
        self, session: Session, reach: CurrentReach, page: NamedDependency[StudentPage]
    ) -> Listing[StudentOut]:
        """Searched by name."""
        return listing(StudentOut, *await people.list_students(session, page, reach), reach)

    @post("/", guards=[requires(Scope.WRITE_STUDENTS)], summary="Create a student")
    async def create_student(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[StudentIn]
    ) -> Response[StudentOut]:
        student = await people.create_student(session, caller, data)
        return created(request, StudentOut.of(student), student.id)

    @get("/{student_id:uuid}", guards=[reaches(Scope.READ_STUDENTS)], summary="Read a student")
    async def get_student(self, session: Session, reach: CurrentReach, student_id: FromPath[UUID]) -> StudentOut:
        return StudentOut.within(await people.get_student(session, student_id, reach), reach)

    @put("/{student_id:uuid}", guards=[requires(Scope.WRITE_STUDENTS)], summary="Replace a student")
    async def replace_student(
        self,
        session: Session,
        caller: CurrentCaller,
        student_id: FromPath[UUID],
        data: JSONBody[StudentIn],
        match: IfMatch,
    ) -> StudentOut:
        return StudentOut.of(await people.update_student(session, caller, student_id, data, match))

    @patch("/{student_id:uuid}", guards=[requires(Scope.WRITE_STUDENTS)], summary="Change a student")
    async def update_student(
        self,
        session: Session,
        caller: CurrentCaller,
        student_id: FromPath[UUID],
        data: JSONBody[StudentPatch],
        match: IfMatch,
    ) -> StudentOut:
        return StudentOut.of(await people.update_student(session, caller, student_id, data, match))

    @delete("/{student_id:uuid}", guards=[requires(Scope.WRITE_STUDENTS)], summary="Delete a student")
    async def delete_student(
        self,
        session: Session,
        caller: CurrentCaller,
        student_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The student leaves every list; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await people.delete_student(session, caller, student_id, match, hard=hard)

    @post("/{student_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a student")
    async def restore_student(self, session: Session, caller: CurrentCaller, student_id: FromPath[UUID]) -> StudentOut:
        return StudentOut.of(await people.restore_student(session, caller, student_id))


class InstructorsController(Controller):
    path = "/instructors"
    tags = ("People",)

    @get(
        "/", guards=[reaches(Scope.READ_INSTRUCTORS)], summary="List instructors",
        dependencies={"page": query_of(InstructorPage)}, operation_class=documented(InstructorPage),
    )  # fmt: skip
    async def list_instructors(
        self, session: Session, reach: CurrentReach, page: NamedDependency[InstructorPage]
    ) -> Listing[InstructorOut]:
        """Searched by name, phone and email."""
        return listing(InstructorOut, *await people.list_instructors(session, page, reach), reach)

    @post("/", guards=[requires(Scope.WRITE_INSTRUCTORS)], summary="Create an instructor")
    async def create_instructor(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[InstructorIn]
    ) -> Response[InstructorOut]:
        instructor = await people.create_instructor(session, caller, data)
        return created(request, InstructorOut.of(instructor), instructor.id)

    @get("/{instructor_id:uuid}", guards=[reaches(Scope.READ_INSTRUCTORS)], summary="Read an instructor")
    async def get_instructor(
        self, session: Session, reach: CurrentReach, instructor_id: FromPath[UUID]
    ) -> InstructorOut:
        return InstructorOut.within(await people.get_instructor(session, instructor_id, reach), reach)

    @put("/{instructor_id:uuid}", guards=[requires(Scope.WRITE_INSTRUCTORS)], summary="Replace an instructor")
    async def replace_instructor(
        self,
        session: Session,
        caller: CurrentCaller,
        instructor_id: FromPath[UUID],
        data: JSONBody[InstructorIn],
        match: IfMatch,
    ) -> InstructorOut:
        return InstructorOut.of(await people.update_instructor(session, caller, instructor_id, data, match))

    @patch("/{instructor_id:uuid}", guards=[requires(Scope.WRITE_INSTRUCTORS)], summary="Change an instructor")
    async def update_instructor(
        self,
        session: Session,
        caller: CurrentCaller,
        instructor_id: FromPath[UUID],
        data: JSONBody[InstructorPatch],
        match: IfMatch,
    ) -> InstructorOut:
        return InstructorOut.of(await people.update_instructor(session, caller, instructor_id, data, match))

    @delete("/{instructor_id:uuid}", guards=[requires(Scope.WRITE_INSTRUCTORS)], summary="Delete an instructor")
    async def delete_instructor(
        self,
        session: Session,
        caller: CurrentCaller,
        instructor_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The instructor leaves every list; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await people.delete_instructor(session, caller, instructor_id, match, hard=hard)

    @post("/{instructor_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore an instructor")
    async def restore_instructor(
        self, session: Session, caller: CurrentCaller, instructor_id: FromPath[UUID]
    ) -> InstructorOut:
        return InstructorOut.of(await people.restore_instructor(session, caller, instructor_id))
