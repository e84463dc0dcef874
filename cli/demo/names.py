"""Names as people have them in the three cities of the demo."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = {
    "haifa": _words("Noa Omer Tamar Yonatan Adi Itai Maya Daniel Shira Lior Rami Layla Yael Amir נועה איתי"),
    "mexico-city": _words("Sofía Mateo Valentina Santiago Ximena Leonardo Regina Emiliano Renata Diego José"),
    "lagos": _words("Chidinma Oluwaseun Adaeze Tunde Ngozi Emeka Folake Ibrahim Amaka Babatunde Zainab Kelechi"),
}

FAMILY = {
    "haifa": _words("Levi Cohen Mizrahi Katz Haddad Friedman Azoulay Shapira Khoury Bar-On Peretz לוי"),
    "mexico-city": _words("Hernández García Martínez López González Ramírez Núñez Peña Ortiz Muñoz"),
    "lagos": _words("Okafor Adeyemi Balogun Okonkwo Eze Bello Adebayo Nwosu Ogunleye Musa"),
}

STREETS = {
    "haifa": ("Herzl", "HaNassi", "Masada", "Hillel"),
    "mexico-city": ("Av. Insurgentes", "Calle Durango", "Calle Orizaba", "Av. Ámsterdam"),
    "lagos": ("Allen Avenue", "Bode Thomas Street", "Awolowo Road", "Herbert Macaulay Way"),
}

DIALLING = {"haifa": "+97250", "mexico-city": "+5255", "lagos": "+23480"}
