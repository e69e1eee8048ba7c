use sharestack_kernel::field::{FieldErrors, Issue};

use super::{EmailAddress, NewPassword, Profile, ProfileInput, Username};

/// A registration as it comes in a body.
#[derive(Default)]
pub struct RegistrationInput {
    /// The name to sign in with.
    pub username: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The rest.
    pub profile: ProfileInput,
}

/// A registration that may be tried.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The name to sign in with.
    pub username: Username,
    /// The address.
    pub email: EmailAddress,
    /// The password.
    pub password: NewPassword,
    /// The rest.
    pub profile: Profile,
}

impl RegistrationInput {
    /// Reads all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<Registration, FieldErrors> {
        self.parse_with(NewPassword::parse)
    }

    /// Reads all fields of an account that an administrator makes for somebody else: how
    /// easily the first password is guessed is for them to judge.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse_for_another(self) -> Result<Registration, FieldErrors> {
        self.parse_with(|text, _| NewPassword::handed_over(text))
    }

    fn parse_with(
        self,
        read: impl FnOnce(&str, &[&str]) -> Result<NewPassword, Issue>,
    ) -> Result<Registration, FieldErrors> {
        let mut check = FieldErrors::new();
        let given = [self.username.clone(), self.email.clone()].map(Option::unwrap_or_default);
        let username = check.required("username", self.username);
        let username = username.and_then(|text| check.check("username", Username::parse(&text)));
        let email = check.required("email", self.email);
        let email = email.and_then(|text| check.check("email", EmailAddress::parse(&text)));
        let known: Vec<&str> = [&given[0], &given[1]]
            .into_iter()
            .map(|text| shorten(text))
            .chain(email.as_ref().map(EmailAddress::local_part))
            .filter(|text| !text.is_empty())
            .collect();
        let password = check.required("password", self.password);
        let password = password.and_then(|text| check.check("password", read(&text, &known)));
        let profile = self.profile.parse(&mut check);
        match (username, email, password) {
            (Some(username), Some(email), Some(password)) if check.is_empty() => {
                Ok(Registration { username, email, password, profile })
            }
            _ => Err(check),
        }
    }
}

/// What a wrong and very long field would cost the estimate of strength is not worth it.
fn shorten(text: &str) -> &str {
    text.char_indices().nth(100).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use sharestack_kernel::patch::Patch;

    use super::*;

    #[test]
    fn every_broken_field_is_named_at_once() {
        let input = RegistrationInput {
            username: Some("a".to_owned()),
            email: Some("nobody".to_owned()),
            password: None,
            profile: ProfileInput { avatar: Patch::Set("javascript:alert(1)".to_owned()), ..ProfileInput::default() },
        };
        let errors = input.parse().unwrap_err();
        let found: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.issue.code())).collect();
        assert_eq!(
            found,
            [
                ("username", "TOO_SHORT"),
                ("email", "INVALID_FORMAT"),
                ("password", "REQUIRED"),
                ("avatar", "INVALID_FORMAT")
            ]
        );
    }

    #[test]
    fn an_administrator_may_hand_over_an_easy_password_but_no_short_one() {
        let input = |password: &str| RegistrationInput {
            username: Some("editor".to_owned()),
            email: Some("editor@example.com".to_owned()),
            password: Some(password.to_owned()),
            profile: ProfileInput::default(),
        };
        assert!(input("password123").parse().is_err() && input("password123").parse_for_another().is_ok());
        for (password, code) in [("short", "TOO_SHORT"), (&"x".repeat(1 << 20), "TOO_LONG")] {
            let errors = input(password).parse_for_another().unwrap_err();
            assert_eq!(errors.iter().next().unwrap().issue.code(), code);
        }
    }

    #[test]
    fn a_password_made_of_the_address_is_weak() {
        let input = RegistrationInput {
            username: Some("someone".to_owned()),
            email: Some("linxiaohong@example.com".to_owned()),
            password: Some("linxiaohong".to_owned()),
            profile: ProfileInput::default(),
        };
        let errors = input.parse().unwrap_err();
        assert_eq!(errors.iter().next().unwrap().issue.code(), "WEAK_PASSWORD");
    }
}
